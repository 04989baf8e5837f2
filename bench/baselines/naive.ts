/**
 * The naive server: the contract's frames and checks, and one transaction per message. It keeps each conversation's
 * order by a chain of promises, which also spares its pool from waiting for row locks.
 */
import uWS, { type WebSocket } from 'uWebSockets.js';
import * as v from 'valibot';
import { clientFrame, SOCKET_PATH } from '../../protocol/frame.ts';
import { notifications, type RequestBody, requests } from '../../protocol/index.ts';
import { MAX_FRAME_BYTES } from '../../protocol/scalars.ts';
import { digestOf } from '../../server/delivery/digest.ts';
import { openPool } from '../../server/store/pool.ts';
import type { Person } from '../provision.ts';

interface Session {
  person: Person | undefined;
}
type Socket = WebSocket<Session>;
type Send = RequestBody<'message.send'>;

const pool = Number(process.env.POOL ?? 16);
const sql = openPool({
  url: process.env.DATABASE_URL ?? '',
  max: pool,
  name: 'naive',
  statementTimeoutMs: 5000,
  lockTimeoutMs: 2000,
});
const rooms = new Map<string, Set<Socket>>();
const chains = new Map<string, Promise<void>>();

function receive(ws: Socket, text: string): void {
  const frame = v.parse(clientFrame, JSON.parse(text));
  const session = ws.getUserData();
  if (frame.type === 'message.send' && session.person !== undefined) {
    const body = v.parse(requests['message.send'].body, frame.body);
    const { person } = session;
    const before = chains.get(body.conversationId) ?? Promise.resolve();
    // Any refusal ends the baseline: a run with one doesn't count.
    chains.set(
      body.conversationId,
      before.then(() => send(ws, person, frame.id, body)),
    );
  } else if (frame.type === 'ack') v.parse(notifications.ack.body, frame.body);
  else if (frame.type === 'hello') hello(ws, session, frame.id, v.parse(requests.hello.body, frame.body).token);
}

function hello(ws: Socket, session: Session, id: number | undefined, token: string): void {
  const person: Person = JSON.parse(token);
  session.person = person;
  const room = rooms.get(person.conversationId) ?? new Set();
  rooms.set(person.conversationId, room.add(ws));
  ws.send(
    JSON.stringify({ type: 'reply', id, body: { userId: person.userId, deviceId: person.deviceId, protocol: 1 } }),
  );
  ws.send('{"type":"sync.done","body":{}}');
}

async function send(ws: Socket, person: Person, id: number | undefined, body: Send): Promise<void> {
  const { conversationId, clientId, epoch, mls } = body;
  const stored = await store(person, body);
  const room = rooms.get(conversationId);
  if (!room?.has(ws)) return;
  const sentAt = stored.sentAt.toISOString();
  const entry = {
    conversationId,
    seq: stored.seq,
    senderId: person.userId,
    senderDeviceId: person.deviceId,
    clientId,
    epoch,
    mls,
    sentAt,
  };
  ws.send(JSON.stringify({ type: 'reply', id, body: { seq: stored.seq, sentAt, duplicate: false } }));
  const event = JSON.stringify({ type: 'message.new', body: entry });
  for (const other of room) if (other !== ws) other.send(event);
}

const store = ({ userId, deviceId, sessionId }: Person, body: Send): Promise<{ seq: number; sentAt: Date }> =>
  sql.begin(async (tx) => {
    const { conversationId, clientId, epoch, mls } = body;
    const [found] = await tx<
      {
        seq: number;
        notified: number;
        sentAt: Date;
        known: boolean;
        blocked: boolean;
        epoch: number;
        removalRequired: boolean;
      }[]
    >`
      select c.last_seq + 1 as seq, c.message_count + 1 as notified, c.epoch, c.removal_required,
        greatest(c.last_at, date_trunc('milliseconds', clock_timestamp())) as sent_at,
        exists (select from conversation_log l where l.conversation_id = c.id and l.sender_device_id = d.id and l.client_id = ${clientId}) as known,
        exists (select from conversation_participants o join blocks b on b.user_id = o.user_id and b.blocked_id = u.id
          where o.conversation_id = c.id and o.user_id <> u.id) as blocked
      from conversations c join conversation_participants p on p.conversation_id = c.id and p.user_id = ${userId} and p.left_at is null
        join sessions s on s.id = ${sessionId} and s.ended_at is null
        join devices d on d.id = s.device_id and d.revoked_at is null
        join users u on u.id = s.user_id and u.suspended_at is null and u.deleted_at is null
      where c.id = ${conversationId} for no key update of c`;
    if (found === undefined || found.known || found.blocked || found.removalRequired || found.epoch !== epoch)
      throw new Error('refused');
    await tx`
      with head as (update conversations set last_seq = ${found.seq}, message_count = ${found.notified}, last_at = ${found.sentAt} where id = ${conversationId}),
        marks as (update conversation_participants set delivered_seq = ${found.seq}, read_seq = ${found.seq}, marked_at = now()
          where conversation_id = ${conversationId} and user_id = ${userId})
      insert into conversation_log (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent, message_count, sent_at, digest, mls)
      values (${conversationId}, ${found.seq}, 1, ${userId}, ${deviceId}, ${clientId}, ${epoch}, false, ${found.notified}, ${found.sentAt},
        ${Buffer.from(digestOf(body), 'base64')}, ${Buffer.from(mls, 'base64url')})`;
    return found;
  });

uWS
  .App()
  .ws<Session>(SOCKET_PATH, {
    maxPayloadLength: MAX_FRAME_BYTES,
    upgrade: (res, req, context) =>
      res.upgrade<Session>({ person: undefined }, req.getHeader('sec-websocket-key'), '', '', context),
    message: (ws, message) => receive(ws, Buffer.from(message).toString('utf8')),
    close: (ws) => {
      const { person } = ws.getUserData();
      rooms.get(person?.conversationId ?? '')?.delete(ws);
    },
  })
  .listen('127.0.0.1', 0, (token) => {
    if (token !== false) process.send?.({ port: uWS.us_socket_local_port(token) });
  });
process.on('disconnect', () => process.exit());
