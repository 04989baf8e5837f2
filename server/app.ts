import { randomUUID } from 'node:crypto';
import type { Config } from './config.ts';
import { type ListenOptions, listen } from './listen/listen.ts';
import type { HttpResponse, Route } from './listen/transport.ts';
import type { Log } from './log.ts';
import { openGate } from './store/gate.ts';

/** A running server, as its process sees it. */
export interface App {
  ready(): boolean;
  /** Takes no more work, ends connections over the given time, stores what is on its way. Never rejects. */
  drain(graceMs: number): Promise<void>;
}

/** Wires all parts together and takes the ports. */
export async function startApp(config: Config, databaseUrl: string, log: Log): Promise<App> {
  const gate = openGate(databaseUrl);
  let draining = false;
  const report = (error: unknown): string => {
    const logId = randomUUID();
    log.error({ err: error, logId }, 'an HTTP request failed');
    return logId;
  };
  const ready = (): boolean => !draining;
  const get = (path: string, answer: () => HttpResponse): Route => ({
    method: 'GET',
    path,
    maxBody: 0,
    handle: async () => answer(),
  });
  const routes = [
    get('/healthz', () => ({ status: 200, body: 'alive' })),
    get('/readyz', () => (ready() ? { status: 200, body: 'ok' } : { status: 503, body: 'draining' })),
  ];
  const shared: Pick<ListenOptions, 'origins' | 'trustedProxies' | 'report'> = {
    origins: config.origins,
    trustedProxies: config.trustedProxies,
    report,
  };
  const open = await listen({ host: config.host, port: config.port, sharePort: config.sharePort, routes, ...shared });
  const admin = await listen({ host: config.adminHost, port: config.adminPort, routes: [], ...shared });
  return {
    ready,
    async drain() {
      draining = true;
      open.stopAccepting();
      open.close();
      admin.close();
      await gate.close();
    },
  };
}
