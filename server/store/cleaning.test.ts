import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { testDatabase } from '../testing/database.ts';
import { addDevice, addPerson } from '../testing/people.ts';
import { clean, type UnusedDevice } from './cleaning.ts';
import { openGate } from './gate.ts';

test('what has expired goes, and a device that nobody used for 45 days is revoked with its sessions', async (t) => {
  await using db = await testDatabase();
  const gate = openGate(db.url);
  t.after(() => gate.close());
  const ada = await addPerson(db.sql);
  const old = await addDevice(db.sql, ada.userId);
  await db.sql`update devices set created_at = now() - interval '46 days', last_seen_at = now() - interval '46 days' where id = ${old.deviceId}`;
  await db.sql`update sessions set refreshed_at = now() - interval '46 days' where id = ${old.sessionId}`;
  await db.sql`insert into pending_registrations (username, email, password_hash, display_name, expires_at) values
    ('gone', 'gone@example.org', 'x', 'Gone', now() - interval '1 s'), ('stays', 'stays@example.org', 'x', 'Stays', now() + interval '1 h')`;
  await db.sql`insert into link_tokens (hash, purpose, user_id, expires_at) values
    ('\\x01', 'reset_password', ${ada.userId}, now() - interval '1 s'), ('\\x02', 'reset_password', ${ada.userId}, now() + interval '1 h')`;
  await db.sql`insert into mail_outbox (kind, address, user_id, state, finished_at) values
    ('new_device', 'a@example.org', ${ada.userId}, 'sent', now() - interval '31 days'),
    ('new_device', 'a@example.org', ${ada.userId}, 'failed', now() - interval '1 day'),
    ('new_device', 'a@example.org', ${ada.userId}, 'waiting', null)`;

  const [before] = await db.sql`select keys_version from users where id = ${ada.userId}`;
  const told: UnusedDevice[] = [];
  await clean(gate, (device) => told.push(device));
  await clean(gate, (device) => told.push(device));
  assert.deepEqual(told, [{ userId: ada.userId, version: Number(before?.keysVersion) + 1, contacts: [ada.userId] }]);

  const devices = await db.sql`select id from devices where revoked_at is null`;
  assert.deepEqual(
    devices.map(({ id }) => id),
    [ada.deviceId],
  );
  const sessions = await db.sql`select id, ended_reason from sessions where ended_at is not null`;
  assert.deepEqual([...sessions], [{ id: old.sessionId, endedReason: 'revoked' }]);
  assert.deepEqual([...(await db.sql`select username from pending_registrations`)], [{ username: 'stays' }]);
  assert.equal((await db.sql`select from link_tokens`).length, 1);
  assert.deepEqual(
    (await db.sql`select state from mail_outbox order by state`).map(({ state }) => state),
    ['failed', 'waiting'],
  );
});

test('revoking unused devices does not wait for a commit that waits for it', async (t) => {
  await using db = await testDatabase();
  const gate = openGate(db.url);
  t.after(() => gate.close());
  const [ada, bob] = [await addPerson(db.sql), await addPerson(db.sql)];
  const [first, second] = [ada, bob].sort((x, y) => (x.deviceId < y.deviceId ? -1 : 1));
  for (const { userId, deviceId } of [ada, bob]) {
    await db.sql`insert into device_keys (device_id, user_id, key, cross_signature, account_key_version)
      values (${deviceId}, ${userId}, ${randomBytes(32)}, ${randomBytes(64)}, 1)`;
  }
  const id = randomUUID();
  await db.sql`insert into conversations (id, kind, epoch) values (${id}, 'direct', 1)`;
  await db.sql`insert into group_members (conversation_id, device_id, leaf_index, added_seq) values (${id}, ${first?.deviceId ?? ''}, 0, 1)`;
  await db.sql`update devices set created_at = now() - interval '46 days'`;
  await db.sql`update sessions set refreshed_at = now() - interval '46 days'`;
  // A commit in the conversation of the first device that adds the second: it holds the key, and then takes the conversation.
  const cleaning = await db.sql.begin(async (tx) => {
    await tx`select from device_keys where device_id = ${second?.deviceId ?? ''} for share`;
    const told: UnusedDevice[] = [];
    const running = clean(gate, (device) => told.push(device)).then(() => told.length);
    const blocked = async () =>
      (await db.sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
        .length;
    while ((await blocked()) === 0) await turn();
    await tx`set local lock_timeout = '1s'`;
    await tx`select from conversations where id = ${id} for no key update`;
    return { running };
  });
  assert.equal(await cleaning.running, 2);
});
