import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimClock } from '../testing/sim-clock.ts';
import { Cooldowns } from './cooldowns.ts';

test('what fails is left alone for twice as long each time, up to a limit, and what succeeds not at all', async () => {
  const clock = new SimClock();
  const cooldowns = new Cooldowns(clock, 1_000, 3_000);
  assert.equal(cooldowns.left('a'), 0);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => cooldowns.failed('a')),
    [1_000, 2_000, 3_000, 3_000],
  );
  assert.equal(cooldowns.left('b'), 0, 'each by itself');
  await clock.advance(2_999);
  assert.equal(cooldowns.left('a'), 1);
  await clock.advance(1);
  assert.equal(cooldowns.left('a'), 0);
  assert.equal(cooldowns.failed('a'), 3_000, 'waiting forgives nothing');
  cooldowns.succeeded('a');
  assert.equal(cooldowns.left('a'), 0);
  assert.equal(cooldowns.failed('a'), 1_000);
  cooldowns.clear();
  assert.equal(cooldowns.left('a'), 0);
});
