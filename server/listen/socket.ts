import type {
  HttpRequest,
  HttpResponse,
  TemplatedApp,
  us_socket_context_t,
  WebSocket,
  WebSocketBehavior,
} from 'uWebSockets.js';
import type { BlockList } from 'node:net';
import { closeCodes } from '../../protocol/codes.ts';
import { SUBPROTOCOL } from '../../protocol/frame.ts';
import { clientAddress } from './address.ts';
import { refusal, statusLine } from './answers.ts';
import { peerAddress, readHeaders } from './http.ts';
import type { OriginRule } from './origins.ts';
import type { AcceptSocket, AdmitSocket, Refusal, SendResult, Socket, SocketHandler } from './transport.ts';

export interface SocketOptions {
  readonly path: string;
  /**
   * The largest frame the session takes. Larger ones still arrive, up to twice that, so that it can say why it refuses; no more,
   * since strangers' frames are collected, too.
   */
  readonly maxFrameBytes: number;
  readonly admit: AdmitSocket;
  readonly accept: AcceptSocket;
}

export interface SocketSurroundings {
  readonly originAllowed: OriginRule;
  readonly trusted: BlockList;
  readonly report: (error: unknown) => string;
}

/** What uWebSockets.js keeps for each socket. */
interface SocketData {
  readonly remoteAddress: string;
  /** Set as soon as the socket is open. */
  live: LiveSocket | undefined;
}

type UwsSocket = WebSocket<SocketData>;

/** An outbox never has more than its window of 1 MiB in flight; the rest is room for replies. */
const maxBackpressure = 4 * 1024 * 1024;

export function mountSocket(app: TemplatedApp, options: SocketOptions, around: SocketSurroundings): void {
  /** A handler that throws loses its own socket, and nothing else. */
  const fail = (live: LiveSocket, error: unknown): void => {
    around.report(error);
    live.end(closeCodes.internal, 'internal');
  };
  // Wrong values here end the process without an exception.
  const behavior: WebSocketBehavior<SocketData> = {
    compression: 0,
    maxPayloadLength: options.maxFrameBytes * 2,
    maxBackpressure,
    // A backstop: the session closes idle sockets earlier, and by name. Clients ping, so the server need not.
    idleTimeout: 120,
    sendPingsAutomatically: false,
    maxLifetime: 0,
    upgrade: (res, req, context) => upgrade(res, req, context, options, around),
    open: (ws) => {
      const live = new LiveSocket(ws);
      ws.getUserData().live = live;
      try {
        live.handler = options.accept(live);
      } catch (error) {
        fail(live, error);
      }
    },
    message: (ws, message, isBinary) => {
      const { live } = ws.getUserData();
      if (live?.handler === undefined || !live.open) return;
      try {
        // uWebSockets.js has checked that it is UTF-8, and takes the memory back when this returns.
        live.handler.message(isBinary ? null : Buffer.from(message).toString(), message.byteLength);
      } catch (error) {
        fail(live, error);
      }
    },
    drain: (ws) => {
      const { live } = ws.getUserData();
      if (live?.handler === undefined || !live.open) return;
      try {
        live.handler.drain();
      } catch (error) {
        fail(live, error);
      }
    },
    close: (ws, code) => {
      const { live } = ws.getUserData();
      if (live === undefined) return;
      live.open = false;
      try {
        live.handler?.close(code);
      } catch (error) {
        around.report(error);
      }
    },
  };
  app.ws(options.path, behavior);
  app.any(options.path, (res) => {
    writeRefusal(res, 426, { Upgrade: 'websocket' });
  });
}

function upgrade(
  res: HttpResponse,
  req: HttpRequest,
  context: us_socket_context_t,
  options: SocketOptions,
  around: SocketSurroundings,
): void {
  try {
    const origin = req.getHeader('origin') || undefined;
    // Not `getHeader`, which gives the first line of a name: a proxy may add its word as a further line, and what stands before
    // that, anybody may have written.
    const forwardedFor = readHeaders(req).get('x-forwarded-for');
    const remoteAddress = clientAddress(peerAddress(res), forwardedFor, around.trusted);
    const refused: Refusal | undefined = around.originAllowed(origin)
      ? options.admit({ remoteAddress, origin })
      : { status: 403 };
    if (refused !== undefined) {
      const retryAfter =
        refused.retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(refused.retryAfterMs / 1_000)) };
      writeRefusal(res, refused.status, retryAfter);
      return;
    }
    const offered = req.getHeader('sec-websocket-protocol').split(',');
    const protocol = offered.some((name) => name.trim() === SUBPROTOCOL) ? SUBPROTOCOL : '';
    const data: SocketData = { remoteAddress, live: undefined };
    res.upgrade(data, req.getHeader('sec-websocket-key'), protocol, req.getHeader('sec-websocket-extensions'), context);
  } catch (error) {
    // Thrown on, it would end the process. Only `admit` can throw, and it comes before anything is answered.
    around.report(error);
    writeRefusal(res, 500, {});
  }
}

const refusals: Readonly<Record<Refusal['status'] | 426 | 500, string | Uint8Array | undefined>> = {
  403: refusal(403, 'forbidden', 'Pages of this origin may not use this server.').body,
  426: refusal(426, 'bad_request', 'This is the address of the socket: connect with WebSocket.').body,
  429: refusal(429, 'rate_limited', 'Too many connections from this address.').body,
  500: refusal(500, 'internal', 'Something went wrong on the server.').body,
  503: refusal(503, 'unavailable', 'The server takes no more connections now.').body,
};

function writeRefusal(
  res: HttpResponse,
  status: keyof typeof refusals,
  headers: Readonly<Record<string, string>>,
): void {
  res.writeStatus(statusLine(status)).writeHeader('Content-Type', 'application/json');
  for (const [name, value] of Object.entries(headers)) res.writeHeader(name, value);
  res.end(refusals[status] ?? '', true);
}

class LiveSocket implements Socket {
  handler: SocketHandler | undefined;
  /** uWebSockets.js throws for any use of a socket that is closed. */
  open = true;
  readonly remoteAddress: string;
  readonly #ws: UwsSocket;

  constructor(ws: UwsSocket) {
    this.#ws = ws;
    this.remoteAddress = ws.getUserData().remoteAddress;
  }

  send(frame: string): SendResult {
    if (!this.open) return 'dropped';
    const status = this.#ws.send(frame, false, false);
    return status === 1 ? 'sent' : status === 0 ? 'queued' : 'dropped';
  }

  cork(write: () => void): void {
    if (this.open) this.#ws.cork(write);
  }

  end(code: number, reason: string): void {
    if (!this.open) return;
    // The close handler runs inside this call.
    this.open = false;
    this.#ws.end(code, reason);
  }
}
