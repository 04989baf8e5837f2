import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { currentKey, type KeyRing, nextKey } from '../e2ee/key-ring.ts';
import type { Group } from './groups.ts';
import {
  afterAbsence,
  dueKinds,
  freshKeys,
  keyInUse,
  mustRotate,
  settingsOf,
  sharedKeys,
  withKeys,
  withPeople,
  withSettings,
} from './ring-rules.ts';
import { defaultSettings, type Rings } from './rings.ts';

const none: Rings = {
  history: [],
  search: [],
  settings: undefined,
  rotate: { history: 0, search: 0 },
  people: [],
};
const month = 30 * 86_400_000;
const both = { ...defaultSettings, searchOnServer: true };
const group: Group = {
  generation: 0,
  state: { groupId: new Uint8Array(), epoch: 1, status: 'active' },
  users: [],
  unsafe: undefined,
  joined: 1,
  grown: 1,
  sent: 0,
  renewedAt: 0,
};
/** After a first rotation at this time. */
const begun = (at: number, settings = defaultSettings): Rings => withKeys(none, freshKeys(none, settings, at), 1, at);

test('new keys are due at the beginning, after a month, and after somebody left; only what is used is made', () => {
  assert.deepEqual(dueKinds(none, defaultSettings, 1), ['history']);
  assert.deepEqual(dueKinds(none, both, 1), ['history', 'search']);
  assert.deepEqual(dueKinds(none, { ...defaultSettings, history: 'strict' }, 1), []);
  const rings = begun(1_000);
  assert.equal(currentKey(rings.history)?.v, 1);
  assert.equal(rings.search.length, 0);
  assert.deepEqual(dueKinds(rings, defaultSettings, 1_000 + month - 1), []);
  assert.deepEqual(dueKinds(rings, defaultSettings, 1_000 + month), ['history']);
  assert.deepEqual(dueKinds(mustRotate(rings, 5), defaultSettings, 1_001), ['history']);
  assert.equal(keyInUse(mustRotate(rings, 5), defaultSettings, 'history', 1_001), undefined);
  assert.equal(keyInUse(rings, { ...defaultSettings, history: 'strict' }, 'history', 1_001), undefined);
});

test('only keys that were made after a removal make up for it', () => {
  const left = mustRotate(begun(1_000, both), 5);
  const old = sharedKeys(begun(1_000, both), both, true);
  const [next] = freshKeys(left, both, 2_000).history ?? [];
  assert.ok(next);
  const stillDue = (rings: Rings) => dueKinds(rings, both, 2_000).includes('history');
  assert.ok(stillDue(withKeys(left, old, 6, 2_000)), 'old keys, told again');
  assert.ok(stillDue(withKeys(left, { ...old, fresh: true }, 6, 2_000)), 'old keys that are called fresh');
  assert.ok(stillDue(withKeys(left, { type: 'keys', history: [next] }, 6, 2_000)), 'new ones that are not');
  assert.ok(stillDue(withKeys(left, freshKeys(left, both, 2_000), 4, 2_000)), 'fresh ones from before the removal');
  assert.ok(!stillDue(withKeys(left, freshKeys(left, both, 2_000), 5, 2_000)));
  const searchOnly = withKeys(left, { ...freshKeys(left, both, 2_000), history: undefined }, 5, 2_000);
  assert.deepEqual(dueKinds(searchOnly, both, 2_000), ['history'], 'each kind for itself');
});

test('keys that were made before the present epoch are for reading only: who made them may have left since', () => {
  const left = mustRotate(begun(1_000), 5);
  const rotated = withKeys(left, freshKeys(left, defaultSettings, 2_000), 5, 2_000, 5);
  const theirs = nextKey(rotated.history, 3_000);
  for (const fresh of [true, false]) {
    const late = withKeys(rotated, { type: 'keys', history: [theirs], fresh }, 4, 3_000, 5);
    assert.equal(keyInUse(late, defaultSettings, 'history', 3_001), undefined);
    const again = withKeys(late, freshKeys(late, defaultSettings, 3_002), 5, 3_002, 5);
    assert.equal(keyInUse(again, defaultSettings, 'history', 3_003)?.v, theirs.v + 1);
  }
});

test('a ring that a member has filled takes no new key: messages go without one, and do not wait for ever', () => {
  let rings = begun(1_000);
  for (let n = 0; rings.history.length < 2_048; n += 1) {
    const { v } = nextKey(rings.history, 0);
    const history = Array.from({ length: 256 }, (_, i) => ({ ...nextKey([], 0), v: v + (i % 64) }));
    rings = withKeys(rings, { type: 'keys', history }, 2, 2_000);
    assert.ok(n < 100);
  }
  const left = mustRotate(rings, 5);
  assert.deepEqual(dueKinds(left, defaultSettings, 2_001), []);
  assert.equal(keyInUse(left, defaultSettings, 'history', 2_001), undefined);
  assert.ok(keyInUse(rings, defaultSettings, 'history', 2_001), 'until then it goes on');
});

test('keys that came from elsewhere, or from before an absence, are for reading until they are told in the group', () => {
  const elsewhere: Rings = { ...begun(1_000), history: begun(1_000).history.map((key) => ({ ...key, at: 0 })) };
  for (const rings of [elsewhere, afterAbsence(mustRotate(begun(1_000), 7))]) {
    assert.equal(keyInUse(rings, defaultSettings, 'history', 2_000), undefined);
    assert.equal(sharedKeys(rings, defaultSettings, true).history, undefined);
    const told = withKeys(rings, { type: 'keys', history: rings.history.map(({ v, key }) => ({ v, key })) }, 9, 2_000);
    assert.deepEqual(keyInUse(told, defaultSettings, 'history', 2_000)?.v, 1);
    assert.equal(told.history.length, 1);
  }
});

test('two fresh keys of one version: both are kept, and the one earlier in the log is used', () => {
  const [one, other] = [freshKeys(none, defaultSettings, 1), freshKeys(none, defaultSettings, 1)];
  const rings = withKeys(withKeys(none, one, 1, 5), other, 1, 6);
  assert.equal(rings.history.length, 2);
  assert.deepEqual(keyInUse(rings, defaultSettings, 'history', 7)?.key, one.history?.[0]?.key);
});

test('a new identity is told nothing from before it, and known people do not count as new', () => {
  const known = [
    { userId: 'ada', since: 1 },
    { userId: 'bob', since: 1 },
  ];
  const first = withPeople(begun(1_000), known, 1_500);
  assert.equal(withPeople(first, known, 1_600), first);
  assert.equal(sharedKeys(first, defaultSettings, true).history?.length, 1);
  const reset = withPeople(
    first,
    [
      { userId: 'ada', since: 1 },
      { userId: 'bob', since: 2 },
    ],
    2_000,
  );
  assert.notEqual(reset, first);
  const next = withKeys(mustRotate(reset, 5), freshKeys(mustRotate(reset, 5), defaultSettings, 3_000), 5, 3_000);
  assert.deepEqual(
    sharedKeys(next, defaultSettings, true).history?.map(({ v }) => v),
    [2],
  );
  assert.deepEqual(
    next.history.map(({ v }) => v),
    [1, 2],
    'this device keeps all of them',
  );
});

test('settings begin as everything begins for those who were there, and are unknown to others until they are told', () => {
  assert.deepEqual(settingsOf(none, group), defaultSettings);
  const late = { ...group, joined: 7 };
  assert.equal(settingsOf(none, late), undefined);
  const strict = { ...defaultSettings, history: 'strict' } as const;
  const told = withKeys(none, { type: 'keys', settings: strict }, 7, 1);
  assert.deepEqual(settingsOf(told, late), strict);
  const again = withKeys(told, { type: 'keys', settings: defaultSettings }, 8, 2);
  assert.deepEqual(settingsOf(again, late), strict, 'keys do not overrule what is known');
  const changed = withSettings(told, strict, { type: 'settings', searchOnServer: true });
  assert.deepEqual(settingsOf(changed, late), { ...strict, searchOnServer: true });
});

test('whatever a member tells, rings stay bounded, numbers are not used up, and no known key is lost', () => {
  const keyOf = (n: number) => new Uint8Array(32).fill(n);
  const told = fc.array(
    fc.record({
      v: fc.oneof(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 2 ** 31 - 1 })),
      n: fc.nat(255),
    }),
    { minLength: 1, maxLength: 256 },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(told, fc.boolean()), { maxLength: 12 }), (messages) => {
      let rings = begun(1_000);
      for (const [entries, fresh] of messages) {
        const before: KeyRing = rings.history;
        const top = currentKey(before)?.v ?? 0;
        const history = entries.map(({ v, n }) => ({ v, key: keyOf(n) }));
        rings = withKeys(rings, { type: 'keys', history, fresh }, 2, 2_000);
        assert.ok(rings.history.length <= 2_048);
        for (const { v } of rings.history) assert.ok(rings.history.filter((each) => each.v === v).length <= 8);
        assert.ok((currentKey(rings.history)?.v ?? 0) <= top + 64);
        for (const key of before) assert.ok(rings.history.some((each) => each.v === key.v && each.key === key.key));
      }
      assert.ok(nextKey(rings.history, 0).v <= 1 + 64 * 12 + 1);
    }),
  );
});
