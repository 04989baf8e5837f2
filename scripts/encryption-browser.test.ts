import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browserApp, modulePath } from './testing/browser-app.ts';
import { firstPhone, has, joined, type Phone, words } from './testing/encrypted.ts';
import { PASSWORD, runServer } from './testing/running-server.ts';

/** Runs in the page: a device that logs in, keeps its keys in IndexedDB and talks. */
const program = `
import { createEncryptedClient } from ${modulePath('../../client/index.js')};
import { openIndexedDbStore } from ${modulePath('../../client/browser/indexeddb-store.js')};
let client;
const texts = [];
let coded;
globalThis.sotto = {
  texts: () => texts,
  status: () => client.encryption.status,
  group: (id) => client.encryption.group(id),
  async open({ url, name }) {
    client = createEncryptedClient({ url, store: await openIndexedDbStore(name) });
    client.receive(({ content, failure }) => void texts.push(failure ? '! ' + failure.message : content.text));
    globalThis.whoAmI = () => client.whoAmI();
  },
  login: (input) => client.login(input),
  async start() { await client.start(); await client.ready(); },
  send: ({ id, text }) => client.send(id, { type: 'text', text }),
  async offer() {
    // Listened for from here on: the answer can be there before the page is asked for its code.
    coded = new Promise((resolve) => client.encryption.on('link', ({ code }) => resolve(code)));
    return (await client.encryption.linking().offer()).text;
  },
  code: () => coded,
  confirm: () => client.encryption.linking().confirm(),
  close: () => client.close(),
};`;

test('a browser is linked as a second device, talks with devices in Node, and keeps its keys across a reload', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const app = await (await browserApp(t, server, program))();
  const inPage = app.call;
  const open = async () => {
    await app.open();
    await inPage('open', { url: server.url, name: 'ada' });
  };
  const shows = (text: string) => app.until(`sotto.texts().includes(${JSON.stringify(text)})`);

  const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
  await open();
  await inPage('login', { login: 'ada', password: PASSWORD, deviceName: 'browser' });
  await inPage('start');
  await app.until('sotto.status() === "unlinked"');
  const offer = await inPage<string>('offer');
  const shown = inPage<string>('code');
  const { code, deviceId } = await ada.client.encryption.linking().accept(offer);
  assert.equal(await shown, code);
  await inPage('confirm');
  await app.until('sotto.status() === "ready"');

  const { conversation } = await ada.client.request('conversation.open', { userId: bob.userId });
  const { id } = conversation;
  await ada.client.send(id, words('hello'));
  await has('hello', ada, bob);
  const isIn = (phone: Phone) => joined(id, { ...phone, deviceId });
  await Promise.all([isIn(ada), isIn(bob)]);
  await bob.client.send(id, words('to the browser'));
  await shows('to the browser');
  await inPage('send', { id, text: 'from the browser' });
  await has('from the browser', ada, bob);

  await inPage('close');
  await bob.client.send(id, words('while it was closed'));
  await open();
  await inPage('start');
  await shows('while it was closed');
  await inPage('send', { id, text: 'with the same keys' });
  await has('with the same keys', ada, bob);
  const [here, there] = [await ada.client.encryption.group(id), await inPage<{ code: string }>('group', id)];
  assert.equal(there.code, here.code);
  assert.deepEqual(await inPage('texts'), ['while it was closed', 'with the same keys']);
});
