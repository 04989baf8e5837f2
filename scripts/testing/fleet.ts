import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAccessTokens } from '../../server/accounts/access-token.ts';
import { generateSigningKey, importSigningKeys } from '../../server/accounts/signing-keys.ts';
import { freePort } from '../../server/embedded/port.ts';
import type { Sql } from '../../server/store/pool.ts';
import type { Identity } from '../../server/store/store.ts';
import { eventually } from '../../server/testing/eventually.ts';
import { addDevice, addPerson } from '../../server/testing/people.ts';
import { exited, printed, type Scope, type StartedProcess, startNode } from '../../server/testing/process.ts';
import { type PrivateRedis, privateRedis } from '../../server/testing/redis-server.ts';

/** One server process of several. */
export interface Instance {
  readonly port: number;
  readonly url: string;
  readonly adminUrl: string;
  /** SIGTERM; resolves with the exit code when it has ended by itself. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Resolves when it takes connections and its bus is healthy. */
  start(): Promise<void>;
  /** The same without waiting for its bus. */
  launch(): Promise<void>;
  /** The away list of /readyz; undefined when it doesn't answer. */
  away(): Promise<readonly string[] | undefined>;
  /** It ended, and nobody told it to. */
  died(): boolean;
  /** What it has printed since its last start. */
  output(): string;
}

export interface Fleet {
  readonly instances: readonly Instance[];
  readonly redis: PrivateRedis;
  readonly sql: Sql;
  /** The variables that all instances have in common. */
  readonly env: Readonly<Record<string, string>>;
  /** Somebody new, with an access token that all instances accept. */
  person(): Promise<Person>;
  /** One more device of somebody. */
  device(userId: string): Promise<Person>;
}

export interface Person extends Identity {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: string;
}

export interface FleetOptions {
  /** Instead of one of its own: what runs already, and where the servers find it. */
  readonly redis?: { readonly node: PrivateRedis; readonly url: string };
  /** Another build of the server. */
  readonly main?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Several server processes on one database and one Redis of their own. */
export async function startFleet(
  t: Scope,
  size: number,
  database: { url: string; sql: Sql },
  options: FleetOptions = {},
): Promise<Fleet> {
  const redis = options.redis?.node ?? (await privateRedis());
  if (options.redis === undefined) t.after(() => redis[Symbol.asyncDispose]());
  const folder = mkdtempSync(join(tmpdir(), 'sotto-fleet-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const key = await generateSigningKey();
  const tokens = createAccessTokens(await importSigningKeys(key.secret));
  const shared = {
    DATABASE_URL: database.url,
    REDIS_URL: options.redis?.url ?? redis.url,
    PASETO_SECRET_KEY: key.secret,
    REQUIRE_MLS: 'false',
    SHUTDOWN_GRACE_MS: '3000',
    LOG_LEVEL: 'warn',
    ...options.env,
  };
  const instances: Instance[] = [];
  for (let i = 0; i < size; i++) {
    const env = {
      ...shared,
      DATA_DIR: join(folder, String(i)),
      PORT: String(await freePort()),
      ADMIN_PORT: String(await freePort()),
    };
    instances.push(instanceOf(t, env, options.main ?? MAIN));
  }
  await Promise.all(instances.map((instance) => instance.start()));
  return {
    instances,
    redis,
    sql: database.sql,
    env: shared,
    person: async () => withToken(await addPerson(database.sql)),
    device: async (userId) => withToken(await addDevice(database.sql, userId)),
  };

  async function withToken(identity: Identity): Promise<Person> {
    const { token, expiresAt } = await tokens.issue(identity);
    return { ...identity, accessToken: token, accessTokenExpiresAt: expiresAt.toISOString() };
  }
}

const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));

function instanceOf(
  t: Scope,
  env: Readonly<Record<string, string>> & { PORT: string; ADMIN_PORT: string },
  main: string,
): Instance {
  const url = `http://127.0.0.1:${env.PORT}`;
  let process: StartedProcess | undefined;
  let wanted = false;
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> => {
    if (process === undefined) return null;
    wanted = false;
    process.child.kill(signal);
    return (await exited(process)).code;
  };
  const instance: Instance = {
    port: Number(env.PORT),
    url,
    adminUrl: `http://127.0.0.1:${env.ADMIN_PORT}`,
    stop: () => end('SIGTERM'),
    async kill() {
      await end('SIGKILL');
    },
    async launch() {
      process = startNode(t, ['--enable-source-maps', main], env);
      wanted = true;
      await printed(process, /Sotto is ready/);
    },
    async start() {
      await instance.launch();
      await eventually(async () => (await instance.away())?.length === 0, 'it is ready and its bus is healthy');
    },
    died: () =>
      wanted && process !== undefined && (process.child.exitCode !== null || process.child.signalCode !== null),
    output: () => (process === undefined ? '' : process.stdout() + process.stderr()),
    async away() {
      try {
        const answer = (await (await fetch(`${url}/readyz`)).json()) as { away: string[] };
        return answer.away;
      } catch {
        return undefined;
      }
    },
  };
  return instance;
}
