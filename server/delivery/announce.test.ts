import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { StoreUnavailable } from '../store/errors.ts';
import { manualClock } from '../testing/clock.ts';
import { createAnnouncer } from './announce.ts';

/** An announcer whose store answers as the test says. */
function announcer(answer: (ids: readonly string[]) => Promise<[]>) {
  const clock = manualClock();
  const asked: string[][] = [];
  const failures: unknown[] = [];
  const announce = createAnnouncer({
    store: {
      forAll(ids) {
        asked.push([...ids]);
        return answer(ids);
      },
    },
    hub: { state() {} },
    clock,
    failed: (error) => failures.push(error),
  });
  async function pass(seconds: number): Promise<void> {
    await turn();
    await turn();
    for (; seconds > 0; seconds--) {
      clock.pass(1_000);
      await turn();
      await turn();
    }
  }
  return { announce, asked, failures, pass };
}

const away = (): Promise<[]> => Promise.reject(new StoreUnavailable('not_done', 'away'));

test('what began while the database was away is announced when it is back', async () => {
  let answer: () => Promise<[]> = away;
  const { announce, asked, failures, pass } = announcer(() => answer());
  announce('one');
  await pass(0);
  announce('two');
  await pass(3);
  assert.ok(failures.length >= 3);
  answer = () => Promise.resolve([]);
  const before = asked.length;
  await pass(5);
  assert.deepEqual(asked.slice(before).flat().toSorted(), ['one', 'two']);
});

test('it is not asked for ever, and a mistake is not repeated', async () => {
  const { announce, asked, pass } = announcer(away);
  announce('one');
  await pass(100);
  assert.equal(asked.length, 60);
  announce('two');
  await pass(5);
  assert.ok(asked.length >= 65, 'the next has its own turns');

  const wrong = announcer(() => Promise.reject(new Error('a mistake')));
  wrong.announce('one');
  await wrong.pass(5);
  wrong.announce('two');
  await wrong.pass(5);
  assert.deepEqual(wrong.asked, [['one'], ['two']]);
});
