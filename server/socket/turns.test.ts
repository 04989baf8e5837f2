import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { manualClock } from '../testing/clock.ts';
import { type Turn, Turns } from './turns.ts';

const settle = () => new Promise(setImmediate);

test('turns go round in the order in which they were asked for: never too many, and of one key one', async () => {
  const step = fc.oneof(
    fc.record({ take: fc.nat({ max: 6 }) }),
    fc.record({ end: fc.nat({ max: 6 }) }),
    fc.record({ leave: fc.nat({ max: 40 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 80 }), async (most, steps) => {
      const turns = new Turns<number>({ most, lateAfterMs: 1_000, clock: manualClock() });
      const asked: { key: string; turn: Turn | 'waits' }[] = [];
      // The same by the plainest means: who is at it, and who waits, both in order.
      const busy: string[] = [];
      let queue: number[] = [];
      const behind = new Map<string, number>();
      const expected: (Turn | 'waits')[] = [];
      const admit = (): void => {
        for (; queue.length > 0 && busy.length < most; queue.shift()) {
          const [first = 0] = queue;
          busy.push(asked[first]?.key ?? '');
          expected[first] = 'begun';
        }
      };
      for (const one of steps) {
        if ('take' in one) {
          const key = `k${one.take}`;
          const n = asked.push({ key, turn: 'waits' }) - 1;
          expected.push('waits');
          void turns.take(key, n).then((turn) => Object.assign(asked[n] ?? {}, { turn }));
          const place = queue.findIndex((other) => asked[other]?.key === key);
          const before = busy.includes(key) ? behind.get(key) : queue[place];
          if (before !== undefined) expected[before] = 'replaced';
          if (busy.includes(key)) behind.set(key, n);
          else if (place >= 0) queue[place] = n;
          else queue.push(n);
        } else if ('end' in one) {
          const key = busy[one.end];
          if (key === undefined) continue;
          busy.splice(one.end, 1);
          turns.end(key);
          const next = behind.get(key);
          if (next !== undefined) queue.push(next);
          behind.delete(key);
        } else {
          const key = asked[one.leave]?.key;
          if (key === undefined) continue;
          turns.giveUp(key, one.leave);
          if (queue.includes(one.leave) || behind.get(key) === one.leave) expected[one.leave] = 'left';
          queue = queue.filter((other) => other !== one.leave);
          if (behind.get(key) === one.leave) behind.delete(key);
        }
        admit();
        await settle();
        assert.deepEqual(
          asked.map(({ turn }) => turn),
          expected,
        );
        assert.equal(turns.waiting, queue.length + behind.size);
      }
    }),
    { numRuns: 60 },
  );
});

test('whose turn comes too late is told so and takes none; the delay is that of the first who still waits', async () => {
  const clock = manualClock();
  const turns = new Turns<string>({ most: 1, lateAfterMs: 30_000, clock });
  assert.equal(await turns.take('ann', 'a'), 'begun');
  const bob = turns.take('bob', 'b');
  clock.pass(10_000);
  const cat = turns.take('cat', 'c');
  const dan = turns.take('dan', 'd');
  assert.equal(turns.delayMs, 10_000);
  turns.giveUp('dan', 'another');
  clock.pass(20_000);
  turns.end('ann');
  assert.deepEqual(await Promise.all([bob, cat]), ['late', 'begun']);
  assert.equal(turns.delayMs, 20_000);
  turns.giveUp('dan', 'd');
  assert.equal(await dan, 'left');
  assert.equal(turns.delayMs, 0);
});

test('a queue of thousands is as long as those in it', async () => {
  const turns = new Turns<number>({ most: 1, lateAfterMs: 1_000, clock: manualClock() });
  const order: number[] = [];
  for (let n = 0; n < 5_000; n++) void turns.take(`k${n}`, n).then(() => order.push(n));
  for (let n = 0; n < 5_000; n++) turns.end(`k${n}`);
  await settle();
  assert.deepEqual(
    order,
    [...order].sort((a, b) => a - b),
  );
  assert.equal(order.length, 5_000);
  assert.equal(turns.waiting, 0);
});
