import assert from 'node:assert/strict';
import { test } from 'node:test';
import { repeat } from './clock.ts';
import { manualClock } from './testing/clock.ts';

const settled = () => new Promise(setImmediate);

test('a round begins a while after the end of the last one, also if that failed, until it is stopped', async () => {
  const clock = manualClock();
  const said: string[] = [];
  let end = (_error?: Error): void => {};
  const work = (): Promise<void> => {
    said.push('begin');
    return new Promise((resolve, reject) => {
      end = (error) => (error === undefined ? resolve() : reject(error));
    });
  };
  const stop = repeat(clock, 1_000, work, (error) => said.push(String(error)));
  clock.pass(999);
  assert.deepEqual(said, []);
  clock.pass(5_000);
  assert.deepEqual(said, ['begin'], 'no second round beside the first');
  end(new Error('away'));
  await settled();
  clock.pass(999);
  assert.deepEqual(said, ['begin', 'Error: away']);
  clock.pass(1);
  assert.deepEqual(said, ['begin', 'Error: away', 'begin']);
  stop();
  end();
  await settled();
  clock.pass(5_000);
  assert.equal(said.length, 3);
});

test('the first round may come at once, and stopping between rounds is the end', async () => {
  const clock = manualClock();
  let rounds = 0;
  const work = async (): Promise<void> => {
    rounds += 1;
  };
  const stop = repeat(clock, 1_000, work, () => assert.fail(), 'at once');
  assert.equal(rounds, 1);
  await settled();
  clock.pass(1_000);
  assert.equal(rounds, 2);
  await settled();
  stop();
  clock.pass(5_000);
  assert.equal(rounds, 2);
});
