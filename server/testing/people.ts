import { randomUUID } from 'node:crypto';
import type { Sql } from '../store/pool.ts';
import type { Identity } from '../store/store.ts';

/** Somebody with an account and one device with a live session, written straight into the database. */
export async function addPerson(sql: Sql, name: string = `u${randomUUID().slice(0, 8)}`): Promise<Identity> {
  const [user] = await sql<{ id: string }[]>`
    insert into users (username, email, display_name) values (${name}, ${`${name}@example.org`}, ${name}) returning id`;
  if (user === undefined) throw new Error('no user');
  return addDevice(sql, user.id);
}

/** One more device with a live session. */
export async function addDevice(sql: Sql, userId: string): Promise<Identity> {
  const [device] = await sql<{ deviceId: string; sessionId: string }[]>`
    with device as (insert into devices (user_id, name) values (${userId}, 'test') returning id),
      cursors as (insert into device_cursors (conversation_id, device_id, seq)
        select p.conversation_id, d.id, p.delivered_seq from conversation_participants p, device d where p.user_id = ${userId})
    insert into sessions (user_id, device_id) select ${userId}, id from device returning device_id, id as session_id`;
  if (device === undefined) throw new Error('no device');
  return { userId, ...device };
}
