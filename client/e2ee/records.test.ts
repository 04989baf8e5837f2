import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBytes, utf8 } from './bytes.ts';
import { generateSigningKey } from './ed25519.ts';
import { nextKey } from './key-ring.ts';
import {
  decodeSavedState,
  encodeSavedState,
  keyPackageRecord,
  keyRingRecord,
  pinRecord,
  signingKeyRecord,
} from './records.ts';
import { hasCode, newDevice, newUser, testEngine } from './testing.ts';

test('every record is read as it was written', async () => {
  const { engine, allow } = await testEngine();
  const device = await newDevice(engine, newUser());
  allow(device);
  const saved = engine.save(await engine.createGroup(device.signer, utf8('g')));
  assert.deepEqual(decodeSavedState(encodeSavedState(saved)), saved);
  assert.deepEqual(keyPackageRecord.decode(keyPackageRecord.encode(device.package)), device.package);
  const ring = [nextKey([], 5)];
  assert.deepEqual(keyRingRecord.decode(keyRingRecord.encode(ring)), ring);
  const key = await generateSigningKey();
  assert.deepEqual(signingKeyRecord.decode(signingKeyRecord.encode(key)), key);
  const pin = { userId: newUser(), version: 2, key: randomBytes(32), hash: randomBytes(32), verified: true, since: 1 };
  assert.deepEqual(pinRecord.decode(pinRecord.encode(pin)), pin);
});

test('a damaged record is not read as something else', () => {
  for (const bytes of [new Uint8Array(), utf8('{}'), utf8('['), Uint8Array.of(200, 1)]) {
    for (const read of [
      decodeSavedState,
      keyPackageRecord.decode,
      keyRingRecord.decode,
      pinRecord.decode,
      signingKeyRecord.decode,
    ]) {
      assert.throws(() => read(bytes), hasCode('store_damaged'));
    }
  }
});
