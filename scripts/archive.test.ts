import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { fromBase64url, toBase64url } from '../client/e2ee/bytes.ts';
import { unwrapContentKey } from '../client/e2ee/history-key.ts';
import { searchQuery } from '../client/e2ee/search-tags.ts';
import { keys as recordKeys, ringsRecord } from '../client/encryption/records.ts';
import { memoryStore } from '../client/index.ts';
import { keys as entryKeys } from '../client/records.ts';
import {
  clients,
  firstPhone,
  has,
  joined,
  linkPhone,
  meet,
  type Phone,
  phoneOf,
  start,
  words,
} from './testing/encrypted.ts';
import { runServer, until } from './testing/running-server.ts';

/** Everything that a device can show of a conversation, oldest first: texts, and codes of what it can't read. */
async function past(phone: Phone, conversationId: string): Promise<string[]> {
  const lines: string[] = [];
  for (let before: number | undefined; ; ) {
    const page = await phone.client.history(conversationId, { limit: 7, ...(before === undefined ? {} : { before }) });
    lines.unshift(
      ...page.entries.map(({ content, failure }) => (failure ? `! ${failure.code}` : String(content?.text))),
    );
    before = page.next;
    if (before === undefined) return lines;
  }
}

const wraps = async (phone: Phone, conversationId: string) => {
  const { messages } = await phone.client.request('message.history', { conversationId, after: 0, limit: 200 });
  return messages.flatMap((entry) => ('mls' in entry && entry.mls !== undefined && !entry.silent ? [entry.wrap] : []));
};

test('the archive of a conversation', async (whole) => {
  const server = await runServer(whole, { REQUIRE_MLS: 'true' });

  await whole.test('a linked device reads, and finds, what was said before it joined', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
    const id = await meet(ada, bob);
    for (let n = 1; n <= 10; n += 1) await (n % 2 ? ada : bob).client.send(id, words(`line ${n}`));
    await has('line 10', ada, bob);
    await has('line 9', ada, bob);
    const target = ada.got.find(({ content }) => content?.text === 'line 3');
    assert.ok(target);
    await ada.client.edit(id, target.seq, 'line three');
    await bob.client.react(id, target.seq, '👍');
    await until(clients(ada, bob), () => ada.client.outgoing(id).length + bob.client.outgoing(id).length === 0, 'sent');

    const tablet = await linkPhone(t, server, 'ada', ada);
    await joined(id, tablet, ada, bob);
    const lines = await past(tablet, id);
    assert.deepEqual(lines, await past(ada, id));
    assert.equal(lines.length, 11);
    const { entries } = await tablet.client.history(id, { limit: 200 });
    assert.deepEqual([...new Set(entries.map(({ archived }) => archived))], [true]);
    const edited = entries.find(({ seq }) => seq === target.seq);
    assert.equal(edited?.content?.text, 'line three');
    assert.deepEqual(edited.reactions, [{ emoji: '👍', userIds: [bob.userId] }]);
    const { hits } = await tablet.client.search({ text: 'three' });
    assert.deepEqual(
      hits.map(({ entry }) => entry.seq),
      [target.seq],
    );
  });

  await whole.test('in strict mode it does not, and is told why; both modes are everybody’s to see', async (t) => {
    const store = memoryStore();
    const first = await firstPhone(t, server, 'ada2', { store });
    const bob = await firstPhone(t, server, 'bob2');
    const id = await meet(first, bob);
    const told: string[] = [];
    bob.client.encryption.on('settings', ({ history, byUserId }) => told.push(`${history} ${byUserId}`));
    const mode = async (phone: Phone) => (await phone.client.encryption.settings(id))?.history;
    assert.deepEqual([await mode(first), await mode(bob)], ['on', 'on']);
    // Said without a connection, and kept until the next run of the program.
    await server.kill();
    await first.client.encryption.setSettings(id, { history: 'strict' });
    await first.client.close();
    await server.start();
    bob.client.reconnectNow();
    const ada = await start(phoneOf(t, server, { store }));
    await until(clients(ada, bob), () => told.length === 1, 'bob is told');
    assert.deepEqual(told, [`strict ${ada.userId}`]);
    await bob.client.send(id, words('between us'));
    await ada.client.send(id, words('and nobody else'));
    await has('between us', ada, bob);
    await has('and nobody else', ada, bob);
    assert.deepEqual(
      (await wraps(ada, id)).map((wrap) => wrap?.v),
      [1, undefined, undefined],
    );

    const tablet = await linkPhone(t, server, 'ada2', ada);
    const seen: string[] = [];
    tablet.client.encryption.on('settings', ({ history }) => seen.push(history));
    await joined(id, tablet, ada, bob);
    assert.deepEqual(await past(tablet, id), ['hello', '! strict', '! strict']);
    if ((await mode(tablet)) === undefined) await until(clients(tablet), () => seen.length === 1, 'the tablet is told');
    assert.equal(await mode(tablet), 'strict');
    await tablet.client.send(id, words('me neither'));
    await has('me neither', ada, bob, tablet);
    assert.equal((await wraps(ada, id)).at(-1), undefined);

    await tablet.client.encryption.setSettings(id, { history: 'on' });
    await until(clients(ada, bob), () => told.length === 2, 'bob is told');
    await bob.client.send(id, words('for the books'));
    await has('for the books', ada, bob, tablet);
    assert.ok((await wraps(ada, id)).at(-1));
  });

  await whole.test('the keys of a device that was removed open, and find, nothing that was sent later', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada3'), firstPhone(t, server, 'bob3')]);
    const id = await meet(ada, bob);
    const store = memoryStore();
    const tablet = await linkPhone(t, server, 'ada3', ada, { store });
    await joined(id, tablet, ada, bob);
    let agreed = 0;
    for (const { client } of [ada, bob, tablet])
      client.encryption.on('settings', ({ searchOnServer }) => (agreed += Number(searchOnServer)));
    await ada.client.request('conversation.update', { conversationId: id, searchOnServer: true });
    await ada.client.encryption.setSettings(id, { searchOnServer: true });
    await until(clients(ada, bob, tablet), () => agreed === 3, 'all know');
    const enabled = ({ client }: Phone) => client.conversation(id)?.searchOnServer === true;
    await until(clients(ada, bob, tablet), () => [ada, bob, tablet].every(enabled), 'all were told');
    await tablet.client.send(id, words('not without the tablet'));
    await has('not without the tablet', ada, bob, tablet);
    const { history: stolen, search } = v.parse(ringsRecord, await store.get(recordKeys.rings(id)));
    assert.ok(stolen.length > 0 && search.length > 0);
    await ada.client.encryption.identities().revoke(tablet.deviceId);
    for (const [n, phone] of [bob, ada, bob].entries()) {
      await phone.client.send(id, words(`without it ${n}`));
      await has(`without it ${n}`, ada, bob);
    }
    const all = await wraps(ada, id);
    const later = all.slice(-3);
    assert.equal(new Set(later.map((wrap) => wrap?.v)).size, 1, 'one new key for all of them');
    const opens = async (wrap: (typeof all)[number]) => {
      const ring = stolen.map(({ key }) => ({ v: wrap?.v ?? 0, key, at: 1 }));
      return (await unwrapContentKey(ring, { v: wrap?.v ?? 0, ct: fromBase64url(wrap?.ct ?? '') })) !== undefined;
    };
    assert.deepEqual(await Promise.all(all.map(opens)), [true, true, false, false, false]);
    const found = async (ring: typeof search) => {
      const query = searchQuery(id, ring, 'without') ?? [];
      const keys = query.map(({ v: version, tags }) => ({ v: version, tags: tags.map(toBase64url) }));
      return (await ada.client.request('message.search', { queries: [{ conversationId: id, keys }] })).matches.length;
    };
    assert.equal(await found([...(await ada.client.encryption.searchRing(id))]), 4);
    assert.equal(await found(search), 1, 'the stolen search keys find what is from their time');
    // Whoever is still there reads all of it.
    const laptop = await linkPhone(t, server, 'ada3', ada);
    await joined(id, laptop, ada, bob);
    assert.deepEqual(await past(laptop, id), await past(ada, id));
    assert.equal((await past(laptop, id)).length, 5);
  });

  await whole.test('a device without the keys asks for them, and is told', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada4'), firstPhone(t, server, 'bob4')]);
    const id = await meet(ada, bob);
    const store = memoryStore();
    const tablet = await linkPhone(t, server, 'ada4', ada, { store });
    await joined(id, tablet, ada, bob);
    await bob.client.send(id, words('for all'));
    await has('for all', ada, bob, tablet);
    await tablet.client.close();
    const hello = entryKeys.entry(id, ada.got[0]?.seq ?? 0);
    await store.write([{ key: recordKeys.rings(id) }, { key: hello }]);
    const again = await start(phoneOf(t, server, { store: { ...store } }));
    let told = 0;
    again.client.encryption.on('archive', () => (told += 1));
    assert.deepEqual(await past(again, id), ['! key_missing', 'for all']);
    await until(clients(again), () => told > 0, 'it is told');
    assert.deepEqual(await past(again, id), ['hello', 'for all']);
  });

  await whole.test('words are tagged for the server where everyone agreed to it, and not before', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada5'), firstPhone(t, server, 'bob5')]);
    const id = await meet(ada, bob);
    // The server alone has no say in it.
    await ada.client.request('conversation.update', { conversationId: id, searchOnServer: true });
    await until(clients(bob), () => bob.client.conversation(id)?.searchOnServer === true, 'the server allows it');
    await bob.client.send(id, words('a secret lighthouse'));
    await has('a secret lighthouse', ada, bob);
    let agreed = 0;
    for (const { client } of [ada, bob]) client.encryption.on('settings', () => (agreed += 1));
    await ada.client.encryption.setSettings(id, { searchOnServer: true });
    await until(clients(ada, bob), () => agreed === 2, 'both know');
    await bob.client.send(id, words('another lighthouse'));
    await has('another lighthouse', ada, bob);
    const query = searchQuery(id, await ada.client.encryption.searchRing(id), 'lighthouse') ?? [];
    const keys = query.map(({ v: version, tags }) => ({ v: version, tags: tags.map(toBase64url) }));
    const { matches } = await ada.client.request('message.search', { queries: [{ conversationId: id, keys }] });
    const found = ada.got.find(({ content }) => content?.text === 'another lighthouse');
    assert.deepEqual(
      matches.map(({ seq }) => seq),
      [found?.seq],
    );
  });
});
