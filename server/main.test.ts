import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { closeCodes } from '../protocol/codes.ts';
import { waitUntil } from './embedded/alive.ts';
import { freePort } from './embedded/port.ts';
import { readMigrations } from './store/migrate.ts';
import { emptyDatabase, testDatabase } from './testing/database.ts';
import { exited, printed, type StartedProcess, startNode } from './testing/process.ts';

function dataFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-main-'));
  chmodSync(folder, 0o711);
  t.after(async () => {
    await waitUntil(() => !existsSync(join(folder, 'postgres.lock')), 20_000);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function startServer(t: TestContext, env: Record<string, string>): StartedProcess {
  return startNode(t, [fileURLToPath(new URL('./main.js', import.meta.url))], env);
}

async function urlOf(server: StartedProcess): Promise<string> {
  return (await printed(server, /sockets, HTTP\s+(http:\S+)/))[1] ?? '';
}

test('with no more than Node the server starts, is ready, says where its data is, and ends with 0', async (t) => {
  const folder = dataFolder(t);
  const server = startServer(t, { DATA_DIR: folder, PORT: '0' });
  const url = await urlOf(server);
  assert.match(
    server.stdout(),
    new RegExp(
      `embedded, its data is in ${folder}\n[^]*files in ${folder}/mail[^]*Try next: npm run chat -- --server ${url}, `,
    ),
  );
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  server.child.kill('SIGTERM');
  const end = await exited(server);
  assert.deepEqual([end.code, end.stderr], [0, '']);
  assert.ok(!existsSync(join(folder, 'postgres', 'postmaster.pid')), 'PostgreSQL was not stopped');
});

test('killed with -9 and started at once, on the same ports, the server is back', async (t) => {
  const env = { DATA_DIR: dataFolder(t), PORT: String(await freePort()), ADMIN_PORT: String(await freePort()) };
  const first = startServer(t, env);
  const url = await urlOf(first);
  await fetch(`${url}/healthz`);
  first.child.kill('SIGKILL');
  await exited(first);
  const second = startServer(t, env);
  assert.equal((await fetch(`${await urlOf(second)}/readyz`)).status, 200);
  second.child.kill('SIGINT');
  assert.equal((await exited(second)).code, 0);
});

test('servers on one database of the operator migrate it once, and need no embedded one', async (t) => {
  await using db = await emptyDatabase();
  const servers = [1, 2].map(() => startServer(t, { DATA_DIR: dataFolder(t), DATABASE_URL: db.url, PORT: '0' }));
  for (const server of servers) {
    assert.equal((await fetch(`${await urlOf(server)}/readyz`)).status, 200);
    assert.doesNotMatch(server.stdout(), new RegExp(new URL(db.url).password));
    assert.doesNotMatch(server.stdout(), /Try next/);
    server.child.kill('SIGTERM');
    assert.equal((await exited(server)).code, 0);
  }
  const applied = servers.flatMap((server) =>
    [...server.stdout().matchAll(/"applied":(\[.*?\])/g)].flatMap((match) => JSON.parse(match[1] ?? '')),
  );
  assert.deepEqual(
    applied.toSorted(),
    readMigrations().map((migration) => migration.name),
  );
});

test('a server beside another one without Redis between them says so', async (t) => {
  await using db = await testDatabase();
  const start = async (): Promise<StartedProcess> => {
    const server = startServer(t, { DATA_DIR: dataFolder(t), DATABASE_URL: db.url, PORT: '0' });
    await urlOf(server);
    return server;
  };
  const [first, second] = [await start(), await start()];
  const warning = /another server uses this database/;
  assert.doesNotMatch(first.stdout(), warning);
  assert.match(second.stdout(), warning);
});

test('a database replaced by another one ends all connections, so that clients come back and read again', async (t) => {
  await using db = await testDatabase();
  const server = startServer(t, { DATA_DIR: dataFolder(t), DATABASE_URL: db.url, PORT: '0' });
  const socket = new WebSocket(`${(await urlOf(server)).replace('http', 'ws')}/v1/socket`);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  // As a promoted standby shows itself.
  await db.sql`update instance set timeline = timeline - 1`;
  assert.equal((await closed)[0], closeCodes.draining);
  server.child.kill('SIGTERM');
  assert.equal((await exited(server)).code, 0);
});

test('wrong variables are all named in one message, and nothing is started', async (t) => {
  const server = startServer(t, {
    DATA_DIR: dataFolder(t),
    PORT: 'x',
    LOG_LEVEL: 'loud',
    REDIS_URL: 'redis://127.0.0.1',
  });
  const end = await exited(server);
  assert.deepEqual([end.code, end.stdout], [1, '']);
  assert.match(end.stderr, /^Sotto can't start:\n( {2}- (PORT|LOG_LEVEL|PASETO_SECRET_KEY) .*\n){3}$/);
});

test('taken ports and an unwritable data folder are all named in one message', async (t) => {
  const blockers = [createServer(), createServer()];
  const ports: string[] = [];
  for (const blocker of blockers) {
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
    const address = blocker.address();
    ports.push(typeof address === 'object' && address !== null ? String(address.port) : '');
    t.after(() => blocker.close());
  }
  const [port = '', adminPort = ''] = ports;
  const file = join(dataFolder(t), 'file');
  writeFileSync(file, '');
  const end = await exited(startServer(t, { DATA_DIR: join(file, 'data'), PORT: port, ADMIN_PORT: adminPort }));
  assert.equal(end.code, 1);
  assert.match(
    end.stderr,
    new RegExp(
      `data folder ${file}/data can't be written to.*\n.*port ${port} .* PORT\\.\n.*port ${adminPort} .* ADMIN_PORT\\.\n$`,
    ),
  );
});

test('a database that refuses is told in one sentence', async (t) => {
  await using db = await emptyDatabase();
  const url = new URL(db.url);
  url.password = 'wrong';
  const end = await exited(startServer(t, { DATA_DIR: dataFolder(t), DATABASE_URL: url.href, PORT: '0' }));
  assert.equal(end.code, 1);
  assert.match(end.stderr, /^Sotto can't start:\n {2}- .*password authentication failed.*\n$/);
});
