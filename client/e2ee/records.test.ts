import assert from 'node:assert/strict';
import { test } from 'node:test';
import { utf8 } from './bytes.ts';
import { decodeSavedState, encodeSavedState } from './records.ts';
import { hasCode, newDevice, newUser, testEngine } from './testing.ts';

test('a group state is read as it was written', async () => {
  const { engine, allow } = await testEngine();
  const device = await newDevice(engine, newUser());
  allow(device);
  const saved = engine.save(await engine.createGroup(device.signer, utf8('g')));
  assert.deepEqual(decodeSavedState(encodeSavedState(saved)), saved);
});

test('one that is cut off is not read as something else', () => {
  for (const bytes of [new Uint8Array(), utf8('{}'), utf8('['), Uint8Array.of(200, 1)])
    assert.throws(() => decodeSavedState(bytes), hasCode('store_damaged'));
});
