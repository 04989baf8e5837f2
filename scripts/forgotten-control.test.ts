import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore } from '../client/index.ts';
import { clients, firstPhone, has, meet, type Phone, phoneOf, start, words } from './testing/encrypted.ts';
import { runServer, until } from './testing/running-server.ts';

test('what a device told the others holds although the server forgot it before the device saw that it was stored', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const store = memoryStore();
  const before = memoryStore();
  let copied = false;
  const write: typeof store.write = async (changes) => {
    await store.write(changes);
    // Encrypted and about to be sent: from here on the device is as if it had crashed.
    const told = changes.find(({ key }) => key.includes('control/'));
    if (copied || !JSON.stringify(told?.value ?? '').includes('strict') || !JSON.stringify(told).includes('"wire"'))
      return;
    copied = true;
    await before.write(await store.list({ prefix: '' }));
  };
  const [ada, bob] = await Promise.all([
    firstPhone(t, server, 'ada', { store: { ...store, write } }),
    firstPhone(t, server, 'bob'),
  ]);
  const id = await meet(ada, bob);
  const mode = async ({ client }: Phone) => (await client.encryption.settings(id))?.history;
  const isStrict = async (phone: Phone) => {
    while ((await mode(phone)) !== 'strict') await new Promise((resolve) => setImmediate(resolve));
  };
  await ada.client.encryption.setSettings(id, { history: 'strict' });
  await isStrict(ada);
  await isStrict(bob);
  assert.ok(copied);
  await ada.client.close();
  await server.sql`update conversation_log set mls = null, content = null, wrap = null, wrap_version = null
    where conversation_id = ${id} and seq = (select max(seq) from conversation_log where conversation_id = ${id})`;

  const again = await start(phoneOf(t, server, { store: before }));
  let told = false;
  bob.client.encryption.on('settings', ({ history }) => (told ||= history === 'on'));
  await isStrict(again);
  // The store of a device that crashed soon after a conversation began need not have it; the server tells it again.
  await until(clients(again), () => again.client.conversation(id) !== undefined, 'it knows the conversation');
  await again.client.encryption.setSettings(id, { history: 'on' });
  await until(clients(again, bob), () => told, 'what comes after it is told too');
  await again.client.send(id, words('with a new key'));
  await has('with a new key', again, bob);
});
