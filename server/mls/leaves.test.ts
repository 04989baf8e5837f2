import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyCommit, type Leaf, leafOf, maxGroupDevices, newGroup } from './leaves.ts';
import { refuses } from './testing.ts';

const group = (...devices: (string | undefined)[]): Leaf[] =>
  devices.flatMap((deviceId, leafIndex) => (deviceId === undefined ? [] : [{ leafIndex, deviceId }]));

/**
 * The tree as the RFC tells it: a width that is a power of two, doubled by an add that finds no blank, halved while
 * that's blank.
 */
function commitToTree(tree: (string | undefined)[], removes: readonly number[], adds: readonly string[]): void {
  for (const leaf of removes) tree[leaf] = undefined;
  while (tree.length > 1 && tree.slice(tree.length / 2).every((leaf) => leaf === undefined)) tree.length /= 2;
  for (const device of adds) {
    if (!tree.includes(undefined)) tree.push(...new Array<undefined>(tree.length));
    tree[tree.indexOf(undefined)] = device;
  }
}

test('an add takes the leftmost blank leaf, then the next, then a new one', () => {
  const before = group('a', undefined, 'c', undefined);
  assert.deepEqual(applyCommit(before, [], ['d', 'e', 'f', 'g']), group('a', 'd', 'c', 'e', 'f', 'g'));
});

test('removes come first, so an add of the same commit takes the leaf that they leave', () => {
  assert.deepEqual(applyCommit(group('a', 'b', 'c'), [1], ['d']), group('a', 'd', 'c'));
  assert.deepEqual(applyCommit(group('a', 'b', 'c'), [1], ['b']), group('a', 'b', 'c'), 'a device may be put in anew');
  assert.deepEqual(applyCommit(group('a', 'b', 'c', 'd', 'e'), [3, 4, 2], ['x']), group('a', 'b', 'x'));
});

test('a group begins with its creator, at leaf 0', () => {
  assert.deepEqual(newGroup('a'), group('a'));
  assert.deepEqual(leafOf(newGroup('a'), 'a'), { leafIndex: 0, deviceId: 'a' });
  assert.equal(leafOf(newGroup('a'), 'b'), undefined);
});

test('the group that was given stays as it was', () => {
  const before = group('a', 'b');
  applyCommit(before, [1], ['c']);
  assert.deepEqual(before, group('a', 'b'));
});

test('a blank leaf can not be removed, a member not added again, a group not grown beyond its limit', () => {
  refuses('unknown_leaf', () => applyCommit(group('a', undefined, 'c'), [1], []));
  refuses('unknown_leaf', () => applyCommit(group('a'), [1], []));
  refuses('unknown_leaf', () => applyCommit(group('a', 'b'), [1, 1], []));
  refuses('already_member', () => applyCommit(group('a', 'b'), [], ['b']));
  refuses('already_member', () => applyCommit(group('a', 'b'), [], ['c', 'c']));
  const full = group(...Array.from({ length: maxGroupDevices }, (_, index) => `d${index}`));
  refuses('too_many', () => applyCommit(full, [], ['x']));
  assert.equal(applyCommit(full, [7], ['x']).length, maxGroupDevices);
});

test('after any commits the leaves are those of the tree as the RFC describes it', () => {
  const commit = fc.record({ removes: fc.array(fc.nat(), { maxLength: 12 }), adds: fc.nat(14), shuffle: fc.boolean() });
  fc.assert(
    fc.property(fc.array(commit, { maxLength: 30 }), (commits) => {
      const tree: (string | undefined)[] = ['d0'];
      let leaves = newGroup('d0');
      let made = 1;
      for (const { removes, adds, shuffle } of commits) {
        const gone = [...new Set(removes.map((pick) => leaves[pick % leaves.length]?.leafIndex ?? 0))].slice(
          0,
          leaves.length - 1,
        );
        const fresh = Array.from({ length: adds }, () => `d${made++}`);
        commitToTree(tree, gone, fresh);
        leaves = applyCommit(shuffle ? leaves.toReversed() : leaves, gone, fresh);
        assert.deepEqual(leaves, group(...tree));
      }
    }),
    { numRuns: 500 },
  );
});
