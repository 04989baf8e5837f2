// What every key store must do, in words that run in Node and in a browser alike: the tests of each store call this.
import { equalBytes, utf8 } from '../bytes.ts';
import type { Entry, KeyStore } from '../key-store.ts';

function must(condition: boolean, rule: string): void {
  if (!condition) throw new Error(`a key store must ${rule}`);
}

const keys = (entries: Entry[]): string => entries.map(({ key }) => key).join(' ');

/** `reopen` closes the store and opens it again from what is at rest; a store without rest returns the same one. */
export async function checkKeyStore(first: KeyStore, reopen: (store: KeyStore) => Promise<KeyStore>): Promise<void> {
  let store = first;
  const value = async (key: string) => store.get(key);
  const is = async (key: string, text: string) => equalBytes((await value(key)) ?? new Uint8Array(), utf8(text));

  must((await value('a/1')) === undefined, 'know nothing at first');
  const buffer = utf8('one');
  const written = store.transact([
    { put: 'a/1', value: buffer },
    { put: 'a/2', value: utf8('two') },
    { put: 'b/1', value: utf8('three') },
  ]);
  buffer.fill(0);
  await written;
  must(await is('a/1', 'one'), 'copy what it is given');
  (await value('a/1'))?.fill(0);
  must(await is('a/1', 'one'), 'give out copies');

  await store.transact([
    { put: 'a/3', value: new Uint8Array() },
    { put: 'a/1', value: utf8('new') },
    { delete: 'a/2' },
    { delete: 'none' },
  ]);
  must((await is('a/1', 'new')) && (await value('a/2')) === undefined, 'apply all writes of a transaction');
  must((await value('a/3'))?.length === 0, 'tell an empty value from none');
  await store.transact([]);

  await store.transact(['a/2', 'a/5', 'a/4', 'aa', 'a', 'ä', '東'].map((key) => ({ put: key, value: utf8(key) })));
  must(keys(await store.list('a/')) === 'a/1 a/2 a/3 a/4 a/5', 'list a prefix in order');
  must(keys(await store.list('a/', { limit: 2 })) === 'a/1 a/2', 'limit');
  must(keys(await store.list('a/', { after: 'a/2', limit: 2 })) === 'a/3 a/4', 'go on after a key');
  must(keys(await store.list('a/', { reverse: true, limit: 2 })) === 'a/5 a/4', 'list backwards');
  must(keys(await store.list('a/', { reverse: true, after: 'a/4' })) === 'a/3 a/2 a/1', 'go on backwards');
  must(keys(await store.list('a/', { after: 'a/22' })) === 'a/3 a/4 a/5', 'go on after a key that is gone');
  must(
    keys(await store.list('a/', { after: 'b' })) === '' && keys(await store.list('c')) === '',
    'list nothing where nothing is',
  );
  must(keys(await store.list('')) === 'a a/1 a/2 a/3 a/4 a/5 aa b/1 ä 東', 'list everything');
  must(
    (await store.list('東')).some(({ value: found }) => equalBytes(found, utf8('東'))),
    'list values too',
  );

  // Not awaited one by one: order is by call.
  await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      store.transact([
        { put: 'counter', value: utf8(String(i)) },
        { put: `entry/${i}`, value: new Uint8Array((i % 7) * 1000) },
      ]),
    ),
  );
  must(await is('counter', '49'), 'apply transactions in the order of the calls');
  must((await store.list('entry/')).length === 50, 'keep every transaction');

  store = await reopen(store);
  must((await is('counter', '49')) && (await is('a/1', 'new')) && (await is('東', '東')), 'find everything again');
  must((await store.list('entry/')).length === 50 && (await store.list('a/')).length === 5, 'find all of it again');
  await store.transact([{ put: 'a/1', value: utf8('newer') }]);
  store = await reopen(store);
  must(await is('a/1', 'newer'), 'go on after being reopened');
  await store.close();
}
