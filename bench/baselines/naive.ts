/**
 * The naive server: the contract's frames and checks, and one transaction per message. It keeps each conversation's
 * order by a chain of promises, which also spares its pool from waiting for row locks. A refusal ends it: a run with
 * one doesn't count.
 */
import { digestOf } from '../../server/delivery/digest.ts';
import { openPool, type TransactionSql } from '../../server/store/pool.ts';
import { deliver, type Person, type Send, serve } from './sockets.ts';

const sql = openPool({
  url: process.env.DATABASE_URL ?? '',
  max: Number(process.env.POOL ?? 16),
  name: 'naive',
  statementTimeoutMs: 5000,
  lockTimeoutMs: 2000,
});

serve((ws, person, room, id, body) => {
  room.last = room.last.then(async () => {
    const { seq, sentAt } = await sql.begin((tx) => store(tx, person, body));
    if (room.sockets.has(ws)) deliver(ws, person, room, id, body, seq, sentAt);
  });
});

interface Place {
  readonly seq: number;
  readonly notified: number;
  readonly sentAt: Date;
  readonly refused: boolean;
}

async function store(tx: TransactionSql, person: Person, body: Send): Promise<Place> {
  const { userId, deviceId, sessionId } = person;
  const { conversationId, clientId, epoch, mls } = body;
  const [place] = await tx<Place[]>`
    select c.last_seq + 1 as seq, c.message_count + 1 as notified,
      greatest(c.last_at, date_trunc('milliseconds', clock_timestamp())) as sent_at,
      c.epoch <> ${epoch} or c.removal_required
        or exists (select from conversation_log l
          where l.conversation_id = c.id and l.sender_device_id = d.id and l.client_id = ${clientId})
        or exists (select from conversation_participants o
          join blocks b on b.user_id = o.user_id and b.blocked_id = u.id
          where o.conversation_id = c.id and o.user_id <> u.id) as refused
    from conversations c
      join conversation_participants p on p.conversation_id = c.id and p.user_id = ${userId} and p.left_at is null
      join sessions s on s.id = ${sessionId} and s.ended_at is null
      join devices d on d.id = s.device_id and d.revoked_at is null
      join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
    where c.id = ${conversationId} for no key update of c`;
  if (place === undefined || place.refused) throw new Error('refused');
  const { seq, notified, sentAt } = place;
  await tx`
    with head as (
      update conversations set last_seq = ${seq}, message_count = ${notified}, last_at = ${sentAt}
      where id = ${conversationId}
    ), marks as (
      update conversation_participants set delivered_seq = ${seq}, read_seq = ${seq}, marked_at = now()
      where conversation_id = ${conversationId} and user_id = ${userId}
    )
    insert into conversation_log (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent,
      message_count, sent_at, digest, mls)
    values (${conversationId}, ${seq}, 1, ${userId}, ${deviceId}, ${clientId}, ${epoch}, false, ${notified}, ${sentAt},
      ${Buffer.from(digestOf(body), 'base64')}, ${Buffer.from(mls, 'base64url')})`;
  return place;
}
