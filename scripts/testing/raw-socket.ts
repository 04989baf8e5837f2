import { openNodeSocket } from '../../client/node/socket.ts';
import { socketUrl } from '../../client/socket.ts';

interface Frame {
  readonly type: string;
  readonly id?: number;
  readonly code?: string;
  readonly body?: unknown;
}

export interface Closed {
  readonly code: number;
  readonly reason: string;
  /** By `performance.now()`. */
  readonly at: number;
}

/** A socket without the SDK: it neither renews tokens nor comes back. */
export interface RawSocket {
  /** The reply or error frame; rejects if the socket closes before. */
  ask(type: string, body: unknown): Promise<Frame>;
  readonly closed: Promise<Closed>;
  close(): void;
}

export function openRaw(server: string): Promise<RawSocket> {
  return new Promise((resolve) => {
    const waiting = new Map<number, { resolve(frame: Frame): void; reject(error: Error): void }>();
    let lastId = 0;
    let end: (closed: Closed) => void = () => undefined;
    const closed = new Promise<Closed>((settle) => {
      end = settle;
    });
    const socket = openNodeSocket(socketUrl(server), {
      open: () => resolve({ ask, closed, close: () => socket.close() }),
      text(text) {
        const frame = JSON.parse(text) as Frame;
        if (frame.id === undefined) return;
        waiting.get(frame.id)?.resolve(frame);
        waiting.delete(frame.id);
      },
      close(code, reason) {
        end({ code, reason, at: performance.now() });
        for (const { reject } of waiting.values()) reject(new Error(`closed with ${code} ${reason}`));
        waiting.clear();
      },
    });
    const ask = (type: string, body: unknown): Promise<Frame> =>
      new Promise((resolveAsk, reject) => {
        lastId += 1;
        waiting.set(lastId, { resolve: resolveAsk, reject });
        socket.send(JSON.stringify({ id: lastId, type, body }));
      });
  });
}

/** A socket that has said hello. */
export async function greet(server: string, token: string): Promise<RawSocket> {
  const socket = await openRaw(server);
  const answer = await socket.ask('hello', { token });
  if (answer.type !== 'reply') throw new Error(`hello was answered with ${answer.code}`);
  return socket;
}
