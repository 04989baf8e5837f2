import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joined } from './joined.ts';

/** A question that is answered when the test says so. */
function held<T>() {
  const batches: { asks: readonly T[]; answer: () => void; fail: (error: Error) => void }[] = [];
  const run = (asks: readonly T[]): Promise<readonly string[]> =>
    new Promise((resolve, reject) =>
      batches.push({ asks, answer: () => resolve(asks.map((ask) => `about ${ask}`)), fail: reject }),
    );
  return { batches, run };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('questions of one turn share a statement, two statements run at a time, and each gets its own answer', async () => {
  const { batches, run } = held<number>();
  const ask = joined(run);
  const first = [ask(1), ask(2)];
  await turn();
  const second = ask(3);
  await turn();
  const third = [ask(4), ask(5)];
  await turn();
  assert.deepEqual(
    batches.map(({ asks }) => asks),
    [[1, 2], [3]],
  );
  batches[0]?.answer();
  assert.deepEqual(await Promise.all(first), ['about 1', 'about 2']);
  await turn();
  assert.deepEqual(batches[2]?.asks, [4, 5]);
  batches[1]?.answer();
  batches[2]?.answer();
  assert.deepEqual(await Promise.all([second, ...third]), ['about 3', 'about 4', 'about 5']);
});

test('questions with the same key never share a statement, and keep their order', async () => {
  const { batches, run } = held<string>();
  const ask = joined(run, (text) => text.charAt(0));
  const asked = ['a1', 'b1', 'a2', 'a3'].map(ask);
  await turn();
  assert.deepEqual(
    batches.map(({ asks }) => asks),
    [['a1', 'b1'], ['a2']],
  );
  for (const batch of batches) batch.answer();
  await Promise.all(asked.slice(0, 3));
  await turn();
  assert.deepEqual(batches[2]?.asks, ['a3']);
  batches[2]?.answer();
  await asked[3];
});

test('a statement that fails fails its own questions only', async () => {
  const { batches, run } = held<number>();
  const ask = joined(run);
  const lost = assert.rejects(ask(1), /away/);
  await turn();
  const kept = ask(2);
  await turn();
  batches[0]?.fail(new Error('away'));
  batches[1]?.answer();
  await lost;
  assert.equal(await kept, 'about 2');
});
