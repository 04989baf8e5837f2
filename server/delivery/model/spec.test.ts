import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore } from './explore.ts';
import { ALL_RULES, type Faults, type Rules } from './spec.ts';

const ALL_FAULTS: Faults = { crash: true, silentLoss: true };
/** The bus notices every loss, and nothing is killed between commit and publish: then the re-check alone must do. */
const NOTICED: Faults = { crash: false, silentLoss: false };
const RECHECK_ALONE: Rules = { ...ALL_RULES, positionCheck: false };

test('with one fault anywhere, no promise is broken in any state, and every end is a good one', (t) => {
  const { states, ends, broken } = explore(ALL_RULES, ALL_FAULTS, 1);
  assert.equal(broken, undefined);
  assert.ok(states > 50_000 && ends > 1, `${states} states, ${ends} ends`);
  t.diagnostic(`${states} states, ${ends} ends`);
});

test('losses that the bus notices are mended by the re-check alone', () => {
  assert.equal(explore(RECHECK_ALONE, NOTICED, 1).broken, undefined);
});

const breaks: readonly (readonly [string, Rules, Faults, RegExp])[] = [
  ['replying before the commit', { ...ALL_RULES, commitBeforeReply: false }, ALL_FAULTS, /acknowledged and not stored/],
  [
    'pushing an entry whose predecessor was not sent',
    { ...ALL_RULES, gapCheck: false },
    ALL_FAULTS,
    /holds \d and is given/,
  ],
  [
    'not looking into the log after the bus came back',
    { ...RECHECK_ALONE, recheckAfterDoubt: false },
    NOTICED,
    /never gets entry/,
  ],
  [
    'no position check, when the bus loses a message in silence',
    { ...ALL_RULES, positionCheck: false },
    { crash: false, silentLoss: true },
    /never gets entry/,
  ],
  [
    'no position check, when an instance dies between commit and publish',
    { ...ALL_RULES, positionCheck: false },
    { crash: true, silentLoss: false },
    /never gets entry/,
  ],
  ['two batches of one conversation in flight', { ...ALL_RULES, oneBatch: false }, ALL_FAULTS, /changed places/],
];

for (const [name, rules, faults, promise] of breaks) {
  test(`the model notices: ${name}`, (t) => {
    const { broken, states } = explore(rules, faults, 1);
    assert.match(broken?.promise ?? 'nothing was noticed', promise);
    t.diagnostic(`after ${states} states: ${broken?.way.join('; ')}`);
  });
}
