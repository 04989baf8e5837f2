import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from './log.ts';
import { createSparingWarn } from './sparing.ts';
import { manualClock } from './testing/clock.ts';

test('the same warning is said at once, and then every half minute with how often it was meant', () => {
  const lines: string[] = [];
  const log = createLog('warn', { write: (line) => void lines.push(line) });
  const clock = manualClock();
  const warn = createSparingWarn(log, clock);
  for (let i = 1; i <= 1_000; i++) warn('the database is away', new Error(`no ${i}`), { type: 'ping' });
  warn('typing failed', new Error('other'));
  const said = () =>
    lines.splice(0).map((line) => {
      const { msg, times, err, type }: Record<string, unknown> & { err: { message: string } } = JSON.parse(line);
      return [msg, times, err.message, type];
    });
  assert.deepEqual(said(), [
    ['the database is away', undefined, 'no 1', 'ping'],
    ['typing failed', undefined, 'other', undefined],
  ]);
  clock.pass(30_000);
  assert.deepEqual(said(), [['the database is away', 999, 'no 1000', 'ping']]);
  warn('the database is away', new Error('again'));
  assert.deepEqual(said(), []);
  clock.pass(30_000);
  assert.deepEqual(said(), [['the database is away', 1, 'again', undefined]]);
  clock.pass(60_000);
  warn('the database is away', new Error('later'));
  assert.deepEqual(said(), [['the database is away', undefined, 'later', undefined]]);
});
