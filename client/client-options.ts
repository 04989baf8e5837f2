import type { Clock } from './clock.ts';
import type { MessageCodec } from './codec.ts';
import { SottoError } from './errors.ts';
import type { OpenSocket } from './socket.ts';
import type { ClientStore } from './store.ts';
import type { Lock } from './tokens.ts';

export interface ClientOptions {
  /** The server's base address, for example `https://chat.example.org`. */
  readonly url: string;
  /** What this device remembers; it belongs to one user and is used by one client at a time. */
  readonly store: ClientStore;
  /** Node 20 needs `openNodeSocket` of `client/node/socket.ts`. */
  readonly openSocket?: OpenSocket;
  /** What stands between contents and the wire; `createEncryptedClient` brings its own. */
  readonly codec?: MessageCodec;
  /** The program's name, for the server's log. */
  readonly program?: string;
  /** After so many milliseconds without an answer a request rejects with `unavailable`; 15 000 unless told. */
  readonly requestTimeoutMs?: number;
  /** How often an entry is given to a handler that throws; 3 times unless told. */
  readonly handlerTries?: number;
  /** A handler that takes longer has failed; 60 000 milliseconds unless told. */
  readonly handlerTimeoutMs?: number;
  readonly fetch?: typeof fetch;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly lock?: Lock;
}

/** What would only show as a connection that never comes. */
export function checkOptions({ url, openSocket }: ClientOptions): void {
  const refuse = (field: string, why: string) => {
    throw new SottoError('bad_request', `${field}: ${why}`, { details: { field } });
  };
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    refuse('url', 'must be the server’s base address, for example https://chat.example.org');
  if (openSocket === undefined && typeof WebSocket === 'undefined')
    refuse('openSocket', 'there is no WebSocket here; give openNodeSocket of client/node/socket');
}
