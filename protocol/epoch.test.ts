import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { conversationEpoch, groupEpoch, MAX_GENERATION } from './epoch.ts';

test('in the first group the epochs are the same, and every later group continues above all before it', () => {
  assert.equal(conversationEpoch(0, 7), 7);
  assert.equal(conversationEpoch(1, 1), 4_294_967_297);
  const epoch = fc.record(
    { generation: fc.nat(MAX_GENERATION), mlsEpoch: fc.integer({ min: 0, max: 2 ** 32 - 1 }) },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(epoch, epoch, (one, other) => {
      const number = conversationEpoch(one.generation, one.mlsEpoch);
      assert.ok(Number.isSafeInteger(number));
      assert.deepEqual(groupEpoch(number), one);
      if (one.generation < other.generation) assert.ok(number < conversationEpoch(other.generation, other.mlsEpoch));
    }),
  );
});

test('what has no number is refused', () => {
  for (const [generation, mlsEpoch] of [
    [-1, 0],
    [MAX_GENERATION + 1, 0],
    [0, 2 ** 32],
    [0, 1.5],
    [Number.NaN, 0],
  ] as const) {
    assert.throws(() => conversationEpoch(generation, mlsEpoch), RangeError);
  }
});
