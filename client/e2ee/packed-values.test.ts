import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SortedEntries } from './key-store.ts';
import { PackedValues } from './packed-values.ts';

test('values come out as they went in, whatever their size, and freed ones are wiped', () => {
  const packed = new PackedValues();
  const values = [0, 1, 1024 * 1024 - 4, 3 * 1024 * 1024, 7].map((size) => new Uint8Array(size).fill(size % 251));
  const places = values.map((value) => packed.put(value));
  for (const [i, place] of places.entries()) assert.deepEqual(packed.get(place), values[i]);
  const [, , , large = 0, last = 0] = places;
  packed.free(large);
  assert.ok(packed.get(large).every((byte) => byte === 0));
  assert.deepEqual(packed.get(last), values[4]);
});

test('sorted entries hold what a map would hold, over any number of changes, and give back the room', () => {
  const write = fc.record({
    key: fc.integer({ min: 0, max: 20 }),
    size: fc.option(fc.integer({ min: 0, max: 300_000 })),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 60 }), (writes) => {
      const entries = new SortedEntries();
      const model = new Map<string, Uint8Array>();
      for (const [n, { key, size }] of writes.entries()) {
        const name = `k${key}`;
        const value = size === null ? undefined : new Uint8Array(size).fill(n);
        entries.apply([value === undefined ? { delete: name } : { put: name, value }]);
        if (value === undefined) model.delete(name);
        else model.set(name, value);
      }
      const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value }));
      const inOrder = entries.list('');
      assert.deepEqual(
        inOrder.map(({ key }) => key),
        expected.map(({ key }) => key),
      );
      assert.ok(inOrder.every(({ value }, i) => Buffer.compare(value, expected[i]?.value ?? value) === 0));
      assert.equal(
        entries.size,
        expected.reduce((sum, { key, value }) => sum + key.length + value.length, 0),
      );
      assert.deepEqual(
        [...entries.entries()].map(({ key }) => key).sort(),
        expected.map(({ key }) => key),
      );
    }),
    { numRuns: 60 },
  );
});
