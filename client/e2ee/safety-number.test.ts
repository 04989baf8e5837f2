import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as v from 'valibot';
import { fromBase64url } from './bytes.ts';
import { compareSafetyQr, epochCode, safetyNumber, safetyQr } from './safety-number.ts';

const party = v.pipe(
  v.object({ userId: v.string(), accountKey: v.string() }),
  v.transform(({ userId, accountKey }) => ({ userId, accountKey: fromBase64url(accountKey) })),
);
const file = new URL('../../../protocol/vectors/safety-number.json', import.meta.url);
const { cases } = v.parse(
  v.object({ cases: v.array(v.object({ one: party, other: party, safetyNumber: v.string(), qrOfOne: v.string() })) }),
  JSON.parse(readFileSync(file, 'utf8')),
);

test('safety numbers and QR payloads are the published ones, from both sides', () => {
  for (const { one, other, safetyNumber: expected, qrOfOne } of cases) {
    assert.match(expected, /^(\d{5} ){11}\d{5}$/);
    assert.equal(safetyNumber(one, other), expected);
    assert.equal(safetyNumber(other, one), expected);
    assert.equal(safetyQr(one, other), qrOfOne);
    assert.equal(compareSafetyQr(qrOfOne, other, one), 'match');
    assert.equal(compareSafetyQr(qrOfOne, one, other), 'mismatch');
  }
});

test('a changed key on either side is a mismatch, and other codes are recognised as such', () => {
  const [first, second] = cases;
  assert.ok(first && second);
  const changed = { ...first.one, accountKey: second.one.accountKey };
  assert.notEqual(safetyNumber(changed, first.other), first.safetyNumber);
  assert.equal(compareSafetyQr(safetyQr(changed, first.other), first.other, first.one), 'mismatch');
  for (const rubbish of ['https://example.com', 'sotto-verify:', 'sotto-verify:!!!!', `${first.qrOfOne}AA`]) {
    assert.equal(compareSafetyQr(rubbish, first.other, first.one), 'not_a_code');
  }
});

test('an epoch code has six digits and depends on the epoch', () => {
  const codes = [1, 2, 3].map((n) => epochCode(new Uint8Array(32).fill(n)));
  for (const code of codes) assert.match(code, /^\d{6}$/);
  assert.equal(new Set(codes).size, 3);
});
