/** What the relay and the naive server share: sockets, frames, the schemas of the contract, rooms of two. */
import uWS, { type WebSocket } from 'uWebSockets.js';
import * as v from 'valibot';
import { clientFrame, SOCKET_PATH } from '../../protocol/frame.ts';
import { notifications, type RequestBody, requests } from '../../protocol/index.ts';
import { MAX_FRAME_BYTES } from '../../protocol/scalars.ts';
import { forget, push } from './writes.ts';

export interface Person {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
  readonly conversationId: string;
}

export interface Session {
  person: Person | undefined;
  room: Room | undefined;
}

export interface Room {
  seq: number;
  readonly sockets: Set<BaselineSocket>;
  /** The end of a chain of what is done one after the other. */
  last: Promise<void>;
}

export type BaselineSocket = WebSocket<Session>;
export type Send = RequestBody<'message.send'>;
/** Who sends, where, under which request id, and what. */
export type TakeSend = (ws: BaselineSocket, person: Person, room: Room, id: number, body: Send) => void;

const rooms = new Map<string, Room>();

/** Serves until the parent process is gone. A token is a person as JSON: baselines have no accounts. */
export function serve(take: TakeSend): void {
  uWS
    .App()
    .ws<Session>(SOCKET_PATH, {
      maxPayloadLength: MAX_FRAME_BYTES,
      maxBackpressure: 16 * 1024 * 1024,
      upgrade: (res, req, context) =>
        res.upgrade<Session>(
          { person: undefined, room: undefined },
          req.getHeader('sec-websocket-key'),
          '',
          '',
          context,
        ),
      message: (ws, message) => receive(ws, Buffer.from(message).toString('utf8'), take),
      close(ws) {
        ws.getUserData().room?.sockets.delete(ws);
        forget(ws);
      },
    })
    .listen('127.0.0.1', 0, (token) => {
      if (token !== false) process.send?.({ port: uWS.us_socket_local_port(token) });
    });
  process.on('disconnect', () => process.exit());
}

function receive(ws: BaselineSocket, text: string, take: TakeSend): void {
  const { type, id = 0, body } = v.parse(clientFrame, JSON.parse(text));
  const { person, room } = ws.getUserData();
  if (type === 'ack') v.parse(notifications.ack.body, body);
  else if (type === 'hello') enter(ws, id, JSON.parse(v.parse(requests.hello.body, body).token));
  else if (type !== 'message.send' || person === undefined || room === undefined) ws.end(4500, type);
  else take(ws, person, room, id, v.parse(requests['message.send'].body, body));
}

function enter(ws: BaselineSocket, id: number, person: Person): void {
  const room = rooms.get(person.conversationId) ?? { seq: 0, sockets: new Set(), last: Promise.resolve() };
  rooms.set(person.conversationId, room);
  room.sockets.add(ws);
  Object.assign(ws.getUserData(), { person, room });
  push(
    ws,
    JSON.stringify({ type: 'reply', id, body: { userId: person.userId, deviceId: person.deviceId, protocol: 1 } }),
  );
  push(ws, '{"type":"sync.done","body":{}}');
}

/** The one reply and the one event of a send. */
export function deliver(
  ws: BaselineSocket,
  person: Person,
  room: Room,
  id: number,
  body: Send,
  seq: number,
  at: Date,
): void {
  const sentAt = at.toISOString();
  const { conversationId, ...message } = body;
  push(ws, JSON.stringify({ type: 'reply', id, body: { seq, sentAt, duplicate: false } }));
  const origin = { conversationId, seq, senderId: person.userId, senderDeviceId: person.deviceId };
  const event = JSON.stringify({ type: 'message.new', body: { ...origin, ...message, sentAt } });
  for (const other of room.sockets) if (other !== ws) push(other, event);
}
