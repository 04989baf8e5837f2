import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { addDevice, addPerson } from '../testing/people.ts';
import { clean } from './cleaning.ts';
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

  assert.equal(await clean(gate), 1);
  assert.equal(await clean(gate), 0);

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
