import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreUnavailable, storeErrorOf } from './errors.ts';
import { onceReachable } from './once-reachable.ts';

const failure = (code: string, syscall: string) => Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
const outcomeOf = (error: unknown): string | undefined => {
  const meant = storeErrorOf(error);
  return meant instanceof StoreUnavailable ? meant.outcome : undefined;
};

test('a network that fails in whatever way is a database that is away, and only an attempt to connect surely did nothing', () => {
  for (const code of ['ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'EHOSTDOWN', 'ECONNABORTED', 'ENOBUFS'])
    assert.equal(outcomeOf(failure(code, 'connect')), 'not_done', code);
  assert.equal(outcomeOf(failure('EAI_FAIL', 'getaddrinfo')), 'not_done');
  for (const code of ['ENETDOWN', 'ECONNABORTED', 'ENOBUFS']) {
    assert.equal(outcomeOf(failure(code, 'read')), 'unknown', code);
    assert.equal(outcomeOf(failure(code, 'write')), 'unknown', code);
  }
  const both = [failure('ENETUNREACH', 'connect'), failure('ECONNREFUSED', 'connect')];
  assert.equal(outcomeOf(Object.assign(new AggregateError(both), { code: 'ENETUNREACH' })), 'not_done');
});

test('what is no failure of the system stays what it is', () => {
  for (const mistake of [
    new RangeError('no safe integer'),
    Object.assign(new Error('bad'), { code: 'UNSAFE_TRANSACTION' }),
  ])
    assert.equal(storeErrorOf(mistake), mistake);
});

test('a starting server waits for a network that is not up yet', async () => {
  let asked = 0;
  const answer = await onceReachable(
    async () => {
      asked += 1;
      if (asked === 1) throw failure('ENETUNREACH', 'connect');
      return 'up';
    },
    () => {},
  );
  assert.deepEqual([answer, asked], ['up', 2]);
});
