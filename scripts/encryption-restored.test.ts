import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore } from '../client/index.ts';
import { acceptIdentity, clients, firstPhone, has, meet, phoneOf, start, words } from './testing/encrypted.ts';
import { PASSWORD, patiently, runServer, until } from './testing/running-server.ts';

test('a server that claims to have lost everything is sent again only what those who are there now could read', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const { sql } = server;
  const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
  const id = await meet(ada, bob);
  await ada.client.send(id, words('before the new identity'));
  await has('before the new identity', ada, bob);

  // Somebody with bob's password begins anew, and ada accepts it.
  await bob.client.close();
  const store = memoryStore();
  const fresh = phoneOf(t, server, { store });
  await patiently(() => fresh.login({ login: 'bob', password: PASSWORD, deviceName: 'new' }));
  const bobAgain = await start(fresh);
  await until([fresh], () => fresh.encryption.status === 'unlinked', 'it knows that it has no keys');
  const told: string[] = [];
  ada.client.encryption.on('identity', ({ is }) => told.push(is));
  await fresh.encryption.identities().reset();
  await until(clients(ada, bobAgain), () => told.includes('reset'), 'the other side is told');
  await acceptIdentity(ada, bob.userId);
  await ada.client.send(id, words('welcome back'));
  await has('welcome back', ada, bobAgain);

  // The log is empty and another one, as after a restore; the new device's program keeps no note of what it missed.
  const empty = async () => {
    await server.kill();
    await sql`delete from conversation_log where conversation_id = ${id}`;
    await sql`delete from device_cursors where conversation_id = ${id}`;
    await sql`update conversation_participants set delivered_seq = 0, read_seq = 0 where conversation_id = ${id}`;
    await sql`update conversations set last_seq = 0, message_count = 0 where id = ${id}`;
    await sql`update instance set log_id = gen_random_uuid()`;
    await server.start();
  };
  const forget = async () => {
    for (const prefix of ['entry/', 'received/', 'handled/', 'seen/', 'life/'])
      for (const { key } of await store.list({ prefix })) await store.write([{ key }]);
  };
  const waiting = () => ada.client.outgoing(id).map(({ content, failed }) => `${content.text}: ${failed?.code}`);
  const states: string[] = [];
  ada.client.on('message', ({ state }) => state.is === 'failed' && states.push(state.reason.code));
  let phone = bobAgain;
  // Twice: what came back in another order after the first time is as old as it was.
  for (let times = 1; times <= 2; times += 1) {
    await phone.client.close();
    await forget();
    await empty();
    phone = await start(phoneOf(t, server, { store }));
    ada.client.reconnectNow();
    await has('welcome back', phone);
    await until(clients(ada, phone), () => waiting().every((each) => !each.endsWith('undefined')), 'nothing waits');
    assert.deepEqual(waiting(), ['hello: members_changed', 'before the new identity: members_changed']);
    assert.deepEqual(phone.texts(), ['welcome back']);
  }
  assert.deepEqual(states, ['members_changed', 'members_changed']);

  // A person may decide otherwise.
  const [hello] = ada.client.outgoing(id);
  await ada.client.retry(hello?.clientId ?? '');
  await has('hello', phone);
  assert.ok(!phone.texts().includes('before the new identity'));
});

test('after an honest restore, also of the group, everything lost is sent again to those who had it', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const { sql } = server;
  const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
  const id = await meet(ada, bob);
  const tables = (
    await sql`select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and c.relkind in ('r', 'p') and not c.relispartition`
  ).map(({ name }) => String(name));
  await server.kill();
  await sql`create schema backup`;
  for (const name of tables) await sql.unsafe(`create table backup."${name}" as table public."${name}"`);
  await server.start();
  for (const { client } of [ada, bob]) client.reconnectNow();
  await ada.client.send(id, words('after the backup'));
  await has('after the backup', ada, bob);
  await bob.client.encryption.renew(id);
  await bob.client.send(id, words('in the next epoch'));
  await has('in the next epoch', ada, bob);
  await server.kill();
  await sql.begin(async (all) => {
    await all`set local session_replication_role = replica`;
    for (const name of tables) await all.unsafe(`delete from public."${name}"`);
    for (const name of tables)
      await all.unsafe(`insert into public."${name}" overriding system value select * from backup."${name}"`);
    await all`update instance set log_id = gen_random_uuid()`;
  });
  await server.start();
  for (const { client } of [ada, bob]) client.reconnectNow();
  for (const { client } of [ada, bob]) await client.ready();
  await ada.client.send(id, words('and on it goes'));
  await has('and on it goes', ada, bob);
  await until(
    clients(ada, bob),
    () => clients(ada, bob).every((c) => c.outgoing(id).length === 0),
    'all is in the log',
  );
  const { entries } = await bob.client.history(id);
  assert.deepEqual(
    entries
      .map(({ content }) => content?.text)
      .filter((text) => text !== undefined)
      .sort(),
    ['after the backup', 'and on it goes', 'hello', 'in the next epoch'],
  );
});
