import assert from 'node:assert/strict';
import { test } from 'node:test';
import { oneOf } from './one-of.ts';

test('a word that a statement may not answer is an error that names both', () => {
  assert.equal(oneOf(['busy', 'ended'], 'ended', 'write_receipts'), 'ended');
  for (const text of ['enden', null, undefined]) {
    assert.throws(() => oneOf(['busy', 'ended'], text, 'write_receipts'), {
      message: `write_receipts answered ${text}`,
    });
  }
});
