import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpRequest } from '../listen/transport.ts';
import { watchDatabase } from '../store/database-watch.ts';
import { openGate } from '../store/gate.ts';
import { manualClock } from '../testing/clock.ts';
import { testDatabase } from '../testing/database.ts';
import { eventually } from '../testing/eventually.ts';
import { testProxy } from '../testing/proxy.ts';
import { type Health, healthRoutes } from './health.ts';

const request: HttpRequest = {
  method: 'GET',
  path: '/readyz',
  params: {},
  query: new URLSearchParams(),
  headers: new Map(),
  remoteAddress: '127.0.0.1',
  body: Buffer.alloc(0),
};

/** What a balancer gets, in short. */
async function ready(health: Health): Promise<unknown> {
  const route = healthRoutes(() => health).find(({ path }) => path === '/readyz');
  const answer = await route?.handle(request);
  return [answer?.status, JSON.parse(String(answer?.body))];
}

test('what is away is named; without PostgreSQL for ten seconds, and while draining, nothing new is wanted', async () => {
  const well: Health = { draining: false, databaseAwayMs: undefined, degraded: [] };
  assert.deepEqual(await ready(well), [200, { status: 'ok', away: [] }]);
  assert.deepEqual(await ready({ ...well, degraded: ['redis', 'smtp'] }), [
    200,
    { status: 'degraded', away: ['redis', 'smtp'] },
  ]);
  assert.deepEqual(await ready({ ...well, databaseAwayMs: 9_999 }), [200, { status: 'degraded', away: ['postgres'] }]);
  assert.deepEqual(await ready({ ...well, databaseAwayMs: 10_000, degraded: ['redis'] }), [
    503,
    { status: 'unavailable', away: ['postgres', 'redis'] },
  ]);
  assert.deepEqual(await ready({ ...well, draining: true }), [503, { status: 'draining', away: [] }]);
});

test('a PostgreSQL that says nothing is noticed, and so is its return', async (t) => {
  await using db = await testDatabase();
  const url = new URL(db.url);
  await using proxy = await testProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  const class_ = { connections: 1, queue: 2, statementTimeoutMs: 300 };
  const gate = openGate(url.href, {
    append: class_,
    read: class_,
    search: class_,
    background: class_,
    startWithinMs: 300,
    lockTimeoutMs: 100,
  });
  t.after(() => gate.close());
  const clock = manualClock();
  const database = watchDatabase({ gate, clock, logId: '', replaced() {}, away() {}, back() {} });
  t.after(() => database.stop());
  // Each look is followed by a second of waiting.
  const away = async (is: boolean): Promise<boolean> => {
    clock.pass(1_000);
    return (database.awayMs() !== undefined) === is;
  };
  await gate.run('background', (sql) => sql`select 1`);
  assert.equal(database.awayMs(), undefined);

  proxy.freeze();
  await eventually(() => away(true), 'its silence is noticed');
  const before = database.awayMs() ?? 0;
  clock.pass(5_000);
  assert.equal((database.awayMs() ?? 0) - before, 5_000, 'since when is remembered');

  proxy.cut();
  proxy.thaw();
  await eventually(() => away(false), 'its return is noticed');
});
