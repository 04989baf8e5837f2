import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore } from './explore.ts';
import { ALL_RULES } from './spec.ts';

test('with two faults anywhere, no promise is broken in any state, and every end is a good one', (t) => {
  const { states, ends, broken } = explore(ALL_RULES, { crash: true, silentLoss: true }, 2);
  assert.equal(broken, undefined);
  t.diagnostic(`${states} states, ${ends} ends`);
});
