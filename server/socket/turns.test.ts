import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { manualClock } from '../testing/clock.ts';
import { Turns } from './turns.ts';

test('turns are given in the order in which they were asked for, never to more than there are', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.oneof(fc.constant('take' as const), fc.constant('end' as const), fc.nat({ max: 20 })), {
        maxLength: 60,
      }),
      async (most, steps) => {
        const turns = new Turns<number>(most, manualClock());
        const begun: number[] = [];
        const waiting: number[] = [];
        let running = 0;
        let next = 0;
        for (const step of steps) {
          if (step === 'take') {
            const holder = next++;
            if (running < most) running++;
            else waiting.push(holder);
            void turns.take(holder).then((granted) => granted && begun.push(holder));
          } else if (step === 'end') {
            if (running === 0) continue;
            turns.end();
            if (waiting.shift() === undefined) running--;
          } else {
            turns.giveUp(step);
            if (waiting.includes(step)) waiting.splice(waiting.indexOf(step), 1);
          }
          await Promise.resolve().then(() => {});
          assert.equal(turns.waiting, waiting.length);
        }
        assert.deepEqual(
          begun,
          [...begun].sort((a, b) => a - b),
        );
        assert.ok(waiting.every((holder) => !begun.includes(holder)));
      },
    ),
  );
});

test('who gives up is told, makes room, and is not waited for', async () => {
  const clock = manualClock();
  const turns = new Turns<string>(1, clock);
  assert.equal(await turns.take('ann'), true);
  const bob = turns.take('bob');
  clock.pass(1_000);
  const cat = turns.take('cat');
  clock.pass(500);
  assert.equal(turns.delayMs, 1_500);
  turns.giveUp('bob');
  turns.giveUp('nobody');
  assert.equal(await bob, false);
  assert.equal(turns.delayMs, 500);
  turns.end();
  assert.equal(await cat, true);
  assert.equal(turns.delayMs, 0);
  turns.end();
  assert.equal(await turns.take('dan'), true);
});
