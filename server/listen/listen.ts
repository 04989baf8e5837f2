import uWS, { type TemplatedApp, type us_listen_socket } from 'uWebSockets.js';
import { createServer } from 'node:net';
import { addressRanges } from './address.ts';
import { mountRoutes } from './http.ts';
import { originRule } from './origins.ts';
import { mountSocket, type SocketOptions } from './socket.ts';
import type { Route } from './transport.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Other servers may take the same port; the kernel then shares the connections out. */
  readonly sharePort?: boolean;
  readonly routes: readonly Route[];
  /** Absent where there are no sockets. */
  readonly socket?: SocketOptions;
  /** The origins of pages that may use this port; `*` for all. */
  readonly origins: readonly string[];
  /** Addresses and ranges of the proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Logs an error that is nobody's answer, and says under which id. */
  readonly report: (error: unknown) => string;
  /** How long the body of a request may take to arrive. */
  readonly bodyWithinMs?: number;
}

export interface Listener {
  readonly port: number;
  /** Takes no new connections; those there are live on. */
  stopAccepting(): void;
  /** Ends every connection at once, without a close frame. */
  close(): void;
}

/** The port could not be taken. The message is for the operator. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

export async function listen(options: ListenOptions): Promise<Listener> {
  const surroundings = {
    originAllowed: originRule(options.origins),
    trusted: addressRanges(options.trustedProxies),
    report: options.report,
  };
  const app = uWS.App();
  if (options.socket !== undefined) mountSocket(app, options.socket, surroundings);
  mountRoutes(app, { routes: options.routes, bodyWithinMs: options.bodyWithinMs ?? 20_000, ...surroundings });
  let token = await takePort(app, options);
  if (token === undefined) {
    throw new ListenError(
      (await portProblem(options.host, options.port)) ??
        `The port ${options.port} of ${options.host} could not be taken.`,
    );
  }
  return {
    port: uWS.us_socket_local_port(token),
    stopAccepting() {
      if (token !== undefined) uWS.us_listen_socket_close(token);
      token = undefined;
    },
    close() {
      token = undefined;
      app.close();
    },
  };
}

/** The form of `listen` with options is missing from the package's types, and its constants exist only there. */
interface ListenWithOptions {
  listen(host: string, port: number, options: 0 | 1, taken: (token: us_listen_socket | false) => void): void;
}
const sharedPort = 0;
const exclusivePort = 1;

function takePort(app: TemplatedApp, options: ListenOptions): Promise<us_listen_socket | undefined> {
  return new Promise((resolve) => {
    const mode = options.sharePort === true ? sharedPort : exclusivePort;
    (app as unknown as ListenWithOptions).listen(options.host, options.port, mode, (token) =>
      resolve(token || undefined),
    );
  });
}

/**
 * Why a port can't be taken, for the operator; `undefined` if it can. uWebSockets.js only says that it failed; Node,
 * asked for the same port, says why.
 */
export function portProblem(host: string, port: number, prefix: '' | 'ADMIN_' = ''): Promise<string | undefined> {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `The port ${port} of ${host} is taken by another program. Stop it, or choose another with ${prefix}PORT.`,
    EACCES: `The port ${port} of ${host} needs rights this user does not have. Choose one above 1023 with ${prefix}PORT.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Choose another with ${prefix}HOST.`,
    ENOTFOUND: `${host} is no known name. Choose an address of this machine with ${prefix}HOST.`,
  };
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(reasons[error.code ?? ''] ?? error.message));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
}
