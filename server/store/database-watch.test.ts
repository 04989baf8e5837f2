import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logId } from '../../sql/queries/instance.queries.ts';
import type { Clock } from '../clock.ts';
import { manualClock } from '../testing/clock.ts';
import { testDatabase } from '../testing/database.ts';
import { testProxy } from '../testing/proxy.ts';
import { watchDatabase } from './database-watch.ts';
import { StoreUnavailable } from './errors.ts';
import { type Gate, openGate } from './gate.ts';

/** With what it told. */
function watching(gate: Gate, clock: Clock, first: string) {
  const told: unknown[] = [];
  const watch = watchDatabase({
    gate,
    clock,
    logId: first,
    replaced: (id) => told.push(id),
    away: (error) => told.push(error instanceof StoreUnavailable ? 'away' : error),
    back: (awayMs) => told.push(awayMs),
  });
  return { ...watch, told };
}

test('a database that is replaced behind its address is noticed by a running server, once', async (t) => {
  await using db = await testDatabase();
  const gate = openGate(db.url);
  t.after(() => gate.close());
  const ask = async (): Promise<string> => (await gate.run('read', (sql) => logId.run(undefined, sql)))[0]?.logId ?? '';
  const first = await ask();
  const clock = manualClock();
  const watch = watching(gate, clock, first);
  const look = () => passSecond(gate, clock);
  await look();
  await look();
  assert.deepEqual([watch.logId(), watch.told], [first, []]);

  await db.sql`update instance set timeline = timeline - 1`;
  await look();
  await look();
  const second = await ask();
  assert.notEqual(second, first);
  assert.deepEqual([watch.logId(), watch.told], [second, [second]]);
  assert.equal(watch.awayMs(), undefined);
  watch.stop();
});

test('that it is away is told once, and that it is back', async (t) => {
  await using db = await testDatabase();
  const url = new URL(db.url);
  await using proxy = await testProxy({ host: url.hostname, port: Number(url.port) });
  url.host = `127.0.0.1:${proxy.port}`;
  const gate = openGate(url.href);
  t.after(() => gate.close());
  const first = (await gate.run('read', (sql) => logId.run(undefined, sql)))[0]?.logId ?? '';
  const clock = manualClock();
  proxy.cutAt('refresh_log_id');
  const watch = watching(gate, clock, first);
  t.after(() => watch.stop());
  await idle(gate);
  await passSecond(gate, clock);
  assert.deepEqual([watch.told, watch.awayMs()], [['away'], 1_000]);
  proxy.cutAt(undefined);
  await passSecond(gate, clock);
  await passSecond(gate, clock);
  assert.deepEqual([watch.told, watch.awayMs()], [['away', 2_000], undefined]);
});

/** Until the look of the next second is over. */
async function passSecond(gate: Gate, clock: ReturnType<typeof manualClock>): Promise<void> {
  clock.pass(1_000);
  await idle(gate);
}

async function idle(gate: Gate): Promise<void> {
  do await new Promise(setImmediate);
  while (gate.counts().background.running > 0);
  await new Promise(setImmediate);
}
