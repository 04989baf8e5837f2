import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../server/embedded/port.ts';
import { testDatabase } from '../server/testing/database.ts';
import { eventually } from '../server/testing/eventually.ts';
import { exited, startNode } from '../server/testing/process.ts';
import { startCrowd } from './testing/crowd.ts';
import { startFleet } from './testing/fleet.ts';
import { until } from './testing/running-server.ts';

const CLUSTER = fileURLToPath(new URL('./cluster.js', import.meta.url));

test('two servers share one port, each with connections of its own, and end together, also when their parent is killed', {
  timeout: 110_000,
}, async (t) => {
  await using database = await testDatabase();
  const fleet = await startFleet(t, 0, database);
  const folder = mkdtempSync(join(tmpdir(), 'sotto-cluster-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [port, adminPort] = [await freePort(), await freePort(2)];
  const env = { ...fleet.env, DATA_DIR: folder, PORT: String(port), ADMIN_PORT: String(adminPort) };
  const start = async () => {
    const started = startNode(t, [CLUSTER, '2'], env);
    await eventually(async () => started.stdout().split('Sotto is ready').length === 3, 'both are ready');
    return started;
  };
  const cluster = await start();

  const crowd = await startCrowd(t, fleet, { pairs: 8, everyMs: 200, address: () => `http://127.0.0.1:${port}` });
  await until(crowd.clients, () => crowd.stored() > 100, 'under load');
  const sockets = await Promise.all([0, 1].map((i) => readySockets(adminPort + i)));
  assert.equal(
    sockets.reduce((sum, count) => sum + count, 0),
    16,
  );
  assert.ok(
    sockets.every((count) => count > 0),
    `shared out: ${sockets}`,
  );
  await crowd.finish();

  cluster.child.kill('SIGTERM');
  assert.equal((await exited(cluster)).code, 0);

  // What is left of the second one holds its output open until it ends.
  const another = await start();
  another.child.kill('SIGKILL');
  assert.equal((await exited(another)).signal, 'SIGKILL');
  for (const i of [0, 1]) await assert.rejects(readySockets(adminPort + i), 'it is gone');
});

test('without what several servers must share, it says so and starts nothing', async (t) => {
  const end = await exited(startNode(t, [CLUSTER, '2'], { DATABASE_URL: '', REDIS_URL: '', PASETO_SECRET_KEY: '' }));
  assert.deepEqual([end.code, end.stderr], [1, 'DATABASE_URL is needed: several servers share it.\n']);
});

async function readySockets(adminPort: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(/^sotto_sockets\{state="ready"\} (\d+)$/m.exec(text)?.[1]);
}
