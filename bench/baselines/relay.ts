/**
 * The bare relay: the same frames, the same JSON and valibot work, one reply and one event per send, and nothing else.
 * No storage, no accounts: the token is `user.device.conversation`. It shows what sockets and parsing alone allow.
 */
import uWS, { type WebSocket } from 'uWebSockets.js';
import * as v from 'valibot';
import { clientFrame, SOCKET_PATH } from '../../protocol/frame.ts';
import { notifications, requests } from '../../protocol/index.ts';
import * as scalars from '../../protocol/scalars.ts';

interface Session {
  userId: string;
  deviceId: string;
  room: Room | undefined;
}
interface Room {
  seq: number;
  readonly sockets: Set<WebSocket<Session>>;
}

const rooms = new Map<string, Room>();

function receive(ws: WebSocket<Session>, text: string): void {
  const frame = v.parse(clientFrame, JSON.parse(text));
  const session = ws.getUserData();
  if (frame.type === 'message.send') send(ws, session, frame.id, v.parse(requests['message.send'].body, frame.body));
  else if (frame.type === 'ack') v.parse(notifications.ack.body, frame.body);
  else if (frame.type === 'hello') hello(ws, session, frame.id, v.parse(requests.hello.body, frame.body).token);
  else ws.end(4500, frame.type);
}

function hello(ws: WebSocket<Session>, session: Session, id: number | undefined, token: string): void {
  const [userId = '', deviceId = '', conversationId = ''] = token.split('.');
  const room = rooms.get(conversationId) ?? { seq: 0, sockets: new Set() };
  rooms.set(conversationId, room);
  room.sockets.add(ws);
  Object.assign(session, { userId, deviceId, room });
  const limits = { maxFrameBytes: scalars.MAX_FRAME_BYTES, maxInFlight: scalars.MAX_IN_FLIGHT };
  ws.send(JSON.stringify({ type: 'reply', id, body: { userId, deviceId, protocol: 1, limits } }));
  ws.send('{"type":"sync.done","body":{}}');
}

type Send = v.InferOutput<(typeof requests)['message.send']['body']>;

function send(ws: WebSocket<Session>, session: Session, id: number | undefined, body: Send): void {
  const { room, userId, deviceId } = session;
  if (room === undefined) return void ws.end(4500, 'hello first');
  const seq = ++room.seq;
  const sentAt = new Date().toISOString();
  ws.send(JSON.stringify({ type: 'reply', id, body: { seq, sentAt, duplicate: false } }));
  const { conversationId, ...message } = body;
  const event = JSON.stringify({
    type: 'message.new',
    body: { conversationId, seq, senderId: userId, senderDeviceId: deviceId, ...message, sentAt },
  });
  for (const other of room.sockets) if (other !== ws) push(other, event);
}

// Events of one turn of the event loop leave a socket in one write, as replies do by uWebSockets.js's own cork.
const pushed = new Map<WebSocket<Session>, string[]>();

function push(ws: WebSocket<Session>, event: string): void {
  if (pushed.size === 0) setImmediate(flush);
  const events = pushed.get(ws);
  if (events === undefined) pushed.set(ws, [event]);
  else events.push(event);
}

function flush(): void {
  for (const [ws, events] of pushed) {
    ws.cork(() => {
      for (const event of events) ws.send(event);
    });
  }
  pushed.clear();
}

uWS
  .App()
  .ws<Session>(SOCKET_PATH, {
    maxPayloadLength: scalars.MAX_FRAME_BYTES,
    maxBackpressure: 16 * 1024 * 1024,
    upgrade: (res, req, context) =>
      res.upgrade<Session>(
        { userId: '', deviceId: '', room: undefined },
        req.getHeader('sec-websocket-key'),
        '',
        '',
        context,
      ),
    message: (ws, message) => receive(ws, Buffer.from(message).toString('utf8')),
    close(ws) {
      ws.getUserData().room?.sockets.delete(ws);
      pushed.delete(ws);
    },
  })
  .listen('127.0.0.1', 0, (token) => {
    if (token === false) throw new Error('no port');
    process.send?.({ port: uWS.us_socket_local_port(token) });
  });
process.on('disconnect', () => process.exit());
