import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logId } from '../../sql/queries/instance.queries.ts';
import { manualClock } from '../testing/clock.ts';
import { testDatabase } from '../testing/database.ts';
import { watchDatabase } from './database-watch.ts';
import { openGate } from './gate.ts';

test('a database that is replaced behind its address is noticed by a running server, once', async (t) => {
  await using db = await testDatabase();
  const gate = openGate(db.url);
  t.after(() => gate.close());
  const ask = async (): Promise<string> => (await gate.run('read', (sql) => logId.run(undefined, sql)))[0]?.logId ?? '';
  const first = await ask();
  const clock = manualClock();
  const replaced: string[] = [];
  const watch = watchDatabase({ gate, clock, logId: first, replaced: (id) => replaced.push(id) });
  /** Until the look of the next second is over. */
  async function look(): Promise<void> {
    clock.pass(1_000);
    while (gate.counts().background.running > 0) await new Promise(setImmediate);
  }
  await look();
  await look();
  assert.deepEqual([watch.logId(), replaced], [first, []]);

  await db.sql`update instance set timeline = timeline - 1`;
  await look();
  await look();
  const second = await ask();
  assert.notEqual(second, first);
  assert.deepEqual([watch.logId(), replaced], [second, [second]]);
  assert.equal(watch.awayMs(), undefined);
  watch.stop();
});
