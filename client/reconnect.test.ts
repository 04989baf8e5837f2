import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { closeCodes } from '../protocol/codes.ts';
import { SottoError } from './errors.ts';
import { backoffMs, type Ended, nextStep } from './reconnect.ts';

const closed = (code: number, more: { reconnectAfterMs?: number } = {}): Ended => ({
  is: 'closed',
  code,
  reason: 'why',
  ...more,
});
const noToken = (code: 'token_reuse' | 'unavailable', retryAfterMs?: number): Ended => ({
  is: 'no_token',
  error: new SottoError(code, 'why', { retryAfterMs }),
});

test('backoff spreads over a range that doubles up to its cap', () => {
  fc.assert(
    fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, noNaN: true }), (tries, random) => {
      const ms = backoffMs(tries, random);
      assert.ok(Number.isInteger(ms) && ms >= 0 && ms <= 15_000);
      assert.ok(ms <= 500 * 2 ** tries);
    }),
  );
  assert.deepEqual(
    [0, 1, 2, 10].map((tries) => backoffMs(tries, 1)),
    [500, 1000, 2000, 15_000],
  );
  assert.equal(backoffMs(10, 0.5), 7_500);
});

test('the range of the close code decides whether to connect again', () => {
  for (const code of [1000, 1006, 4000, 4001, 4002, 4003, 4006, 4499, 5000]) {
    assert.equal(nextStep(closed(code), 3, 0.5).is, 'retry', String(code));
  }
  for (const code of [4500, 4502, 4503, 4504, 4505, 4999]) {
    assert.deepEqual(nextStep(closed(code), 0, 0.5), { is: 'refuse', refusal: { code, reason: 'why' } });
  }
});

test('one may be displaced by oneself while an earlier hello can still have its turn, and tries that a few times', () => {
  assert.equal(nextStep(closed(4504), 0, 0.5, 0).is, 'refuse');
  assert.equal(nextStep(closed(4504), 5, 0.5, 0).is, 'refuse');
  assert.deepEqual(nextStep(closed(4504), 0, 0.5, 1), { is: 'retry', afterMs: 500, refreshFirst: false });
  assert.equal(nextStep(closed(4504), 0, 0.5, 3).is, 'retry');
  assert.equal(nextStep(closed(4504), 0, 0.5, 4).is, 'refuse');
});

test('the server says when to come back, and is obeyed to the millisecond', () => {
  const step = nextStep(closed(closeCodes.draining, { reconnectAfterMs: 1234 }), 9, 0.9);
  assert.deepEqual(step, { is: 'retry', afterMs: 1234, refreshFirst: false });
});

test('a refused token is refreshed first, at once, and not for ever', () => {
  assert.deepEqual(nextStep(closed(4501), 0, 0.5), { is: 'retry', afterMs: 0, refreshFirst: true });
  assert.deepEqual(nextStep(closed(4501), 2, 0.5), { is: 'retry', afterMs: 1000, refreshFirst: true });
  assert.equal(nextStep(closed(4501), 3, 0.5).is, 'refuse');
  const unauthenticated: Ended = { is: 'not_greeted', error: new SottoError('unauthenticated', 'no') };
  assert.deepEqual(nextStep(unauthenticated, 0, 0.5), { is: 'retry', afterMs: 0, refreshFirst: true });
  assert.equal(nextStep({ is: 'not_greeted', error: new SottoError('unavailable', 'no') }, 9, 0.5).is, 'retry');
});

test('without a token the reason decides: a network that is down is waited for, an ended session is not', () => {
  assert.deepEqual(nextStep(noToken('unavailable'), 1, 1), { is: 'retry', afterMs: 1000, refreshFirst: false });
  assert.deepEqual(nextStep(noToken('unavailable', 777), 1, 1), { is: 'retry', afterMs: 777, refreshFirst: false });
  assert.equal(nextStep({ is: 'no_token', error: new Error('a full disk') }, 0, 1).is, 'retry');
  assert.deepEqual(nextStep(noToken('token_reuse'), 0, 1), {
    is: 'refuse',
    refusal: { code: 'token_reuse', reason: 'why' },
  });
});
