import { randomUUID } from 'node:crypto';
import { SOCKET_PATH } from '../protocol/frame.ts';
import { MAX_FRAME_BYTES } from '../protocol/scalars.ts';
import type { Config } from './config.ts';
import { listen } from './listen/listen.ts';
import type { Route } from './listen/transport.ts';
import type { Log } from './log.ts';
import type { Lobby } from './socket/lobby.ts';

export interface PortsOptions {
  readonly config: Config;
  readonly log: Log;
  readonly lobby: Pick<Lobby, 'admit' | 'accept'>;
  readonly routes: readonly Route[];
  readonly adminRoutes: readonly Route[];
}

export interface Ports {
  /** Takes nobody new; those who are there stay. */
  stopAccepting(): void;
  close(): void;
}

/** Takes the public port and that of administration. */
export async function takePorts({ config, log, lobby, routes, adminRoutes }: PortsOptions): Promise<Ports> {
  const shared = {
    trustedProxies: config.trustedProxies,
    report(error: unknown): string {
      const id = randomUUID();
      log.error({ err: error, logId: id }, 'an HTTP request failed');
      return id;
    },
  };
  const listener = await listen({
    ...shared,
    origins: config.origins,
    host: config.host,
    port: config.port,
    sharePort: config.sharePort,
    routes,
    socket: {
      path: SOCKET_PATH,
      maxFrameBytes: MAX_FRAME_BYTES,
      admit: lobby.admit,
      accept: (socket) => lobby.accept(socket),
    },
  });
  const admin = await listen({
    ...shared,
    // No page of another origin has business here, whatever the public port allows.
    origins: [],
    host: config.adminHost,
    port: config.adminPort,
    routes: adminRoutes,
  });
  return {
    stopAccepting: () => listener.stopAccepting(),
    close() {
      listener.close();
      admin.close();
    },
  };
}
