/**
 * What the rest of the server sees of the network. Only this folder knows uWebSockets.js; everything above it works
 * with these shapes, so that a simulated network can stand in their place.
 */

/** What became of a frame: on its way, waiting in the socket's buffer, or lost because that buffer was full. */
export type SendResult = 'sent' | 'queued' | 'dropped';

/** One live socket. After it closed every call is a no-op: `send` answers `dropped`. */
export interface Socket {
  readonly remoteAddress: string;
  send(frame: string): SendResult;
  /** Runs `write` so that all its sends leave in one system call. */
  cork(write: () => void): void;
  /** Ends with a close frame; what is still buffered is lost. */
  end(code: number, reason: string): void;
}

/** What happens on a socket. None of these may throw. */
export interface SocketHandler {
  /** One text frame; `null` when the peer sent a binary one. */
  message(text: string | null, bytes: number): void;
  /** The buffer is empty again after a send that was `queued` or `dropped`. */
  drain(): void;
  /** Last call, whoever closed. 1006 when there was no close frame. */
  close(code: number): void;
}

/** Called for each upgraded socket, at once, before its first frame. */
export type AcceptSocket = (socket: Socket) => SocketHandler;

/** Asked before the upgrade; a refusal is answered over HTTP. */
export type AdmitSocket = (request: { remoteAddress: string; origin: string | undefined }) => Refusal | undefined;

export interface Refusal {
  readonly status: 403 | 429 | 503;
  readonly retryAfterMs?: number;
}

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  /** The values of `:name` segments of the route. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** The client's address, seen through the configured trusted proxies. */
  readonly remoteAddress: string;
  /** The body, complete and within the route's limit. */
  readonly body: Uint8Array;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Absent for an empty body (204). */
  readonly body?: string | Uint8Array;
}

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Segments that start with `:` are parameters. */
  readonly path: string;
  /** In bytes; a larger body is answered with 413. */
  readonly maxBody: number;
  readonly handle: (request: HttpRequest) => Promise<HttpResponse>;
}
