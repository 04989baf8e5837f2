/**
 * What a tutorial builds: Socket.IO with its Redis adapter, a room per conversation, one insert per message, the client
 * answered by Socket.IO's acknowledgement once the row is stored. Bodies are checked as in the server. No order, no
 * resume, no checks of membership: it does less work than the server does.
 */

import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server, type Socket } from 'socket.io';
import * as v from 'valibot';
import { requests } from '../../protocol/index.ts';
import { openPool } from '../../server/store/pool.ts';

const sql = openPool({
  url: process.env.DATABASE_URL ?? '',
  max: 16,
  name: 'socketio',
  statementTimeoutMs: 5000,
  lockTimeoutMs: 0,
});
await sql`create table messages (id bigserial primary key, conversation_id uuid not null, sender_id uuid not null, client_id uuid not null,
  epoch bigint not null, mls bytea not null, sent_at timestamptz not null default now())`;
await sql`create index on messages (conversation_id, id)`;

const redis = new Redis(process.env.REDIS_URL ?? '');
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  adapter: createAdapter(redis, redis.duplicate()),
  perMessageDeflate: false,
});

type Answer = (body: unknown) => void;

io.on('connection', (socket) => {
  let userId = '';
  socket.on('hello', async (body: unknown, answer: Answer) => {
    const { token } = v.parse(requests.hello.body, body);
    const [user = '', conversationId = ''] = token.split('.');
    userId = user;
    await socket.join(conversationId);
    answer({ userId });
  });
  socket.on('message.send', async (raw: unknown, answer: Answer) => {
    try {
      await send(socket, userId, v.parse(requests['message.send'].body, raw), answer);
    } catch (error) {
      console.error(error);
      socket.disconnect(true);
    }
  });
});

type Send = v.InferOutput<(typeof requests)['message.send']['body']>;

async function send(socket: Socket, senderId: string, body: Send, answer: Answer): Promise<void> {
  const { conversationId, clientId, epoch, mls } = body;
  const [row] = await sql<{ id: number; sentAt: Date }[]>`
    insert into messages (conversation_id, sender_id, client_id, epoch, mls)
    values (${conversationId}, ${senderId}, ${clientId}, ${epoch}, ${Buffer.from(mls, 'base64url')}) returning id, sent_at`;
  const sentAt = row?.sentAt.toISOString();
  answer({ seq: row?.id, sentAt, duplicate: false });
  socket
    .to(conversationId)
    .emit('message.new', { conversationId, seq: row?.id, senderId, clientId, epoch, mls, sentAt });
}

http.listen(0, '127.0.0.1', () => {
  const address = http.address();
  if (address !== null && typeof address === 'object') process.send?.({ port: address.port });
});
process.on('disconnect', () => process.exit());
