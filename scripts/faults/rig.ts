import { Random } from '../../server/delivery/simulation/random.ts';
import { migrate } from '../../server/store/migrate.ts';
import { openPool, type Sql } from '../../server/store/pool.ts';
import { eventually } from '../../server/testing/eventually.ts';
import { type ThrowAwayPostgres, throwAwayPostgres } from '../../server/testing/postgres.ts';
import type { Scope } from '../../server/testing/process.ts';
import { type TestProxy, testProxy } from '../../server/testing/proxy.ts';
import { type Fleet, type Instance, startFleet } from '../testing/fleet.ts';
import { type FrameProxy, frameProxy } from './frame-proxy.ts';
import { type LossyRedis, lossyCluster, lossyServer } from './lossy-redis.ts';

/** A server process, the way to it, and whether it is being ended and started just now. */
export interface Site {
  readonly instance: Instance;
  readonly proxy: FrameProxy;
  busy: boolean;
}

/** All real parts of an installation, each of them in the hands of the run. */
export interface Rig {
  readonly fleet: Fleet;
  readonly sites: readonly Site[];
  readonly sql: Sql;
  readonly postgres: ThrowAwayPostgres;
  /** Between the servers and PostgreSQL. */
  readonly database: TestProxy;
  /** Between the servers and Redis. */
  readonly bus: LossyRedis;
  /** What is random in the proxies; each run sets its own. */
  random: Random;
  /** Fair weather, everything up, every instance sure of its bus. */
  heal(): Promise<void>;
}

export interface RigOptions {
  readonly instances: number;
  /** A Redis Cluster of three masters instead of one server. */
  readonly cluster?: boolean;
  /** Another build of the server, with a mistake in it. */
  readonly main?: string | undefined;
  /** Further settings of PostgreSQL, of the servers' sessions there, and of the servers. */
  readonly postgres?: Readonly<Record<string, string>>;
  readonly session?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

export async function startRig(scope: Scope, options: RigOptions): Promise<Rig> {
  const postgres = await throwAwayPostgres(options.postgres);
  scope.after(() => postgres.stop());
  await migrate(postgres.url);
  const sql = openPool({ url: postgres.url, max: 2, name: 'faults', statementTimeoutMs: 30_000, lockTimeoutMs: 0 });
  scope.after(() => sql.end({ timeout: 1 }));
  const { hostname, port } = new URL(postgres.url);
  const database = await testProxy({ host: hostname, port: Number(port) });
  scope.after(() => database[Symbol.asyncDispose]());
  const url = new URL(postgres.url);
  url.port = String(database.port);
  url.search = new URLSearchParams(options.session).toString();

  const bus = await (options.cluster ? lossyCluster() : lossyServer());
  scope.after(() => bus[Symbol.asyncDispose]());
  const fleet = await startFleet(
    scope,
    options.instances,
    { url: url.href, sql },
    {
      redis: { node: bus.nodes[0], url: bus.url },
      ...(options.main !== undefined && { main: options.main }),
      // Often, since it is all that finds what was lost in silence, and a run waits for it.
      env: { POSITION_CHECK_MS: '1500', SHUTDOWN_GRACE_MS: '1000', LOG_LEVEL: 'info', ...options.env },
    },
  );

  const sites = await Promise.all(
    fleet.instances.map(async (instance): Promise<Site> => {
      const proxy = await frameProxy({ host: '127.0.0.1', port: instance.port }, () => rig.random);
      scope.after(() => proxy[Symbol.asyncDispose]());
      return { instance, proxy, busy: false };
    }),
  );
  const rig: Rig = {
    fleet,
    sites,
    sql,
    postgres,
    database,
    bus,
    random: new Random(0),
    async heal() {
      bus.loses = () => false;
      for (const { proxy } of sites) proxy.heal();
      for (const { instance } of sites)
        await eventually(async () => (await instance.away())?.length === 0, `${instance.url} is well again`, 60_000);
    },
  };
  return rig;
}
