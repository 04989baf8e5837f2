import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Client, type ClientOptions, createClient, memoryStore, SottoError } from '../../client/index.ts';
import { openNodeSocket } from '../../client/node/socket.ts';
import { waitUntil } from '../../server/embedded/alive.ts';
import { freePort } from '../../server/embedded/port.ts';
import { type TestDatabase, testDatabase } from '../../server/testing/database.ts';
import { exited, printed, type StartedProcess, startNode } from '../../server/testing/process.ts';

/** A server process that can be killed and started again on the same port and database. */
export interface RunningServer {
  readonly url: string;
  /** Its database, for looking and for meddling. */
  readonly sql: TestDatabase['sql'];
  /** What every process of it has printed. */
  output(): string;
  /** Kills it with -9. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** The link in the newest mail to this address. */
  mailedLink(email: string): Promise<string>;
}

export async function runServer(t: TestContext, settings: Record<string, string> = {}): Promise<RunningServer> {
  const database = await testDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'sotto-sdk-'));
  const [port, adminPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  // Its own address, so that a page from there may connect.
  const env = {
    DATABASE_URL: database.url,
    DATA_DIR: folder,
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    PUBLIC_URL: url,
  };
  const processes: StartedProcess[] = [];
  let process: StartedProcess | undefined;
  const kill = async () => {
    if (process === undefined) return;
    process.child.kill('SIGKILL');
    await exited(process);
  };
  t.after(async () => {
    await kill();
    await database[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  const start = async () => {
    process = startNode(t, ['--enable-source-maps', fileURLToPath(new URL('../../server/main.js', import.meta.url))], {
      REQUIRE_MLS: 'false',
      ...env,
      ...settings,
    });
    processes.push(process);
    await printed(process, /Sotto is ready/);
  };
  await start();
  return {
    url,
    sql: database.sql,
    output: () => processes.map((each) => each.stdout() + each.stderr()).join(''),
    kill,
    start,
    async mailedLink(email) {
      let link: string | undefined;
      await waitUntil(() => {
        link = newestLink(join(folder, 'mail'), email);
        return link !== undefined;
      }, 20_000);
      return link ?? '';
    },
  };
}

function newestLink(folder: string, email: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  // Their names are UUIDs of version 7, which sort by time.
  const mails = readdirSync(folder, { encoding: 'utf8' }).filter((name) => name.endsWith('.eml'));
  for (const name of mails.sort().reverse()) {
    const mail = readFileSync(join(folder, name), 'utf8');
    if (!mail.includes(`To: ${email}`)) continue;
    const link = /https?:\S+token=[\w-]+/.exec(mail)?.[0];
    if (link !== undefined) return link;
  }
  return undefined;
}

export const PASSWORD = 'correct horse battery staple';

/** A new user with one device, confirmed and logged in, not yet started. */
export async function signUp(
  t: TestContext,
  server: RunningServer,
  username: string,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const client = await device(t, server, options);
  await register(client, server, username);
  return client;
}

/** Makes an account, confirms its address and logs in. */
export async function register(
  client: Pick<Client, 'http' | 'login'>,
  server: RunningServer,
  username: string,
): Promise<void> {
  const email = `${username}@example.org`;
  await client.http.register({ username, email, password: PASSWORD });
  const link = new URL(await server.mailedLink(email));
  await client.http.verifyEmail(link.searchParams.get('token') ?? '');
  await patiently(() => client.login({ login: username, password: PASSWORD, deviceName: 'test' }));
}

/** A busy server turns logins away for a moment. */
export async function patiently<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof SottoError) || error.code !== 'unavailable') throw error;
      await new Promise((resolve) => setTimeout(resolve, error.retryAfterMs ?? 500));
    }
  }
}

/** A device that nobody is logged in on. */
export async function device(
  t: TestContext,
  { url }: RunningServer,
  options: Partial<ClientOptions> = {},
): Promise<Client> {
  const client = createClient({ url, store: memoryStore(), openSocket: openNodeSocket, ...options });
  t.after(() => client.close());
  return client;
}

/** Resolves once `wanted` holds; looked at whenever one of the clients tells something. */
export function until(clients: readonly Client[], wanted: () => boolean, what: string, ms = 60_000): Promise<void> {
  return new Promise((resolve, reject) => {
    const offs = clients.flatMap((client) =>
      (['message', 'conversation', 'connection', 'message.new'] as const).map((name) =>
        client.on(name, () => queueMicrotask(look)),
      ),
    );
    const poll = setInterval(look, 100);
    const timer = setTimeout(() => finish(() => reject(new Error(`${what}: not within ${ms} ms`))), ms);
    function finish(settle: () => void): void {
      clearInterval(poll);
      clearTimeout(timer);
      for (const off of offs) off();
      settle();
    }
    function look(): void {
      if (wanted()) finish(resolve);
    }
    look();
  });
}
