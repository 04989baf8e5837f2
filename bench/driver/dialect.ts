import { SOCKET_PATH } from '../../protocol/frame.ts';

/** What the driver has to find in a frame: nothing it counts, the reply to a send, or somebody's message. */
export type FrameKind = 'other' | 'reply' | 'event';

/** What a message carries, as text in a frame. */
export interface MessageText {
  readonly epoch: number;
  /** base64url, also where it is nothing but filler. */
  readonly mls: string;
  /** The fields beside it, each with a comma before it. */
  readonly more: string;
}

/**
 * How one server says the things that the driver measures. A new kind of server needs one of these and a target that
 * starts it; nothing else changes.
 */
export interface Dialect {
  readonly path: string;
  /** Frames sent right after the upgrade. */
  opening(token: string): readonly string[];
  /** Looks at a frame before the connection is ready: an answer to send, or `ready`. Throws on a refusal. */
  greet(text: string, token: string): { readonly answer?: string; readonly ready: boolean };
  /** One send. `id`, `clientId` and a counter within `mls` are patched in place afterwards, at a fixed width. */
  send(id: string, conversationId: string, clientId: string, message: MessageText): string;
  /** One cumulative acknowledgement, or undefined where the server has none. `seq` is patched in place. */
  ack(conversationId: string, seq: string): string | undefined;
  kind(text: string, at: number): FrameKind;
  /** The position of the first digit of a reply's id. */
  replyIdAt(text: string, at: number): number;
  /** An answer to a frame of kind `other`; throws if that frame is an error. */
  other(text: string): string | undefined;
}

const REPLY = '{"type":"reply","id":';
const EVENT = '{"type":"message.new",';
const HARMLESS =
  /^\{"type":"(receipt\.changed|conversation\.changed|presence\.changed|device\.changed|sync\.done|reply)"/;

/** The contract of `protocol/`: the server, the bare relay and the naive server speak it. */
const sotto: Dialect = {
  path: SOCKET_PATH,
  opening: (token) => [JSON.stringify({ id: 1, type: 'hello', body: { token, client: 'bench' } })],
  greet(text) {
    if (text.startsWith('{"type":"error"')) throw new Error(`hello refused: ${text}`);
    return { ready: text.startsWith('{"type":"sync.done"') };
  },
  send: (id, conversationId, clientId, { epoch, mls, more }) =>
    `{"id":${id},"type":"message.send","body":{"conversationId":"${conversationId}","clientId":"${clientId}","epoch":${epoch},"mls":"${mls}"${more}}}`,
  ack: (conversationId, seq) => `{"type":"ack","body":{"conversationId":"${conversationId}","seq":${seq}}}`,
  kind: (text, at) => (text.startsWith(EVENT, at) ? 'event' : text.startsWith(REPLY, at) ? 'reply' : 'other'),
  replyIdAt: (_text, at) => at + REPLY.length,
  other(text) {
    if (!HARMLESS.test(text)) throw new Error(`unexpected frame: ${text.slice(0, 200)}`);
    return undefined;
  },
};

/** Socket.IO 4 over its WebSocket transport: Engine.IO packet type, Socket.IO packet type, JSON. */
const socketio: Dialect = {
  path: '/socket.io/?EIO=4&transport=websocket',
  opening: () => [],
  greet(text, token) {
    if (text.startsWith('0')) return { answer: '40', ready: false };
    if (text.startsWith('44')) throw new Error(`connect refused: ${text}`);
    if (text === '2') return { answer: '3', ready: false };
    if (text.startsWith('40')) return { answer: `420${JSON.stringify(['hello', { token }])}`, ready: false };
    return { ready: text.startsWith('430') };
  },
  send: (id, conversationId, clientId, { epoch, mls, more }) =>
    `42${id}["message.send",{"conversationId":"${conversationId}","clientId":"${clientId}","epoch":${epoch},"mls":"${mls}"${more}}]`,
  ack: (conversationId, seq) => `42["ack",{"conversationId":"${conversationId}","seq":${seq}}]`,
  kind: (text, at) =>
    text.startsWith('42["message.new",', at) ? 'event' : text.startsWith('43', at) ? 'reply' : 'other',
  replyIdAt: (_text, at) => at + 2,
  other(text) {
    if (text === '2') return '3';
    throw new Error(`unexpected frame: ${text.slice(0, 200)}`);
  },
};

export const dialects = { sotto, socketio } as const satisfies Record<string, Dialect>;
export type DialectName = keyof typeof dialects;
