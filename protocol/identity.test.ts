import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as identity from './identity.ts';

const userId = '00112233-4455-7677-8899-aabbccddeeff';
const deviceId = 'ffeeddcc-bbaa-7988-8776-655443322110';
const key = new Uint8Array(32).fill(0x11);
const hash = new Uint8Array(32).fill(0x22);
const signature = new Uint8Array(64).fill(0x33);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const ascii = (text: string) => Buffer.from(text).toString('hex');
const user = '00112233445576778899aabbccddeeff';
const device = 'ffeeddccbbaa79888776655443322110';

test('every layout is, byte for byte, the one described', () => {
  assert.equal(identity.leafIdentity(userId, deviceId.toUpperCase()), `${userId}:${deviceId}`);
  assert.equal(hex(identity.leafIdentityBytes(userId, deviceId)), ascii(`${userId}:${deviceId}`));
  assert.equal(hex(identity.groupIdBytes(userId, 0x01020304)), `${user}01020304`);
  assert.equal(
    hex(identity.deviceBytes(userId, deviceId, key)),
    `${ascii('sotto-device-v1')}${user}${device}${hex(key)}`,
  );
  assert.equal(hex(identity.revokeBytes(userId, deviceId)), `${ascii('sotto-revoke-v1')}${user}${device}`);
  const rotation = `${ascii('sotto-account-v1')}${user}00000002${hex(hash)}${hex(key)}`;
  assert.equal(hex(identity.accountKeyBytes(hash, { userId, version: 2, key })), rotation);
  const chain = `${ascii('sotto-chain-v1')}${hex(hash)}${user}00000002${hex(key)}`;
  assert.equal(hex(identity.accountChainBytes(hash, { userId, version: 2, key, signature })), chain + hex(signature));
  assert.equal(hex(identity.accountChainBytes(hash, { userId, version: 2, key })), chain + '00'.repeat(64));
});

test('ids survive the way to bytes and back', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), fc.nat(0xffff_ffff), (one, other, generation) => {
      assert.equal(identity.uuidText(identity.uuidBytes(one.toUpperCase())), one);
      assert.deepEqual(identity.parseLeafIdentity(identity.leafIdentity(one, other)), { userId: one, deviceId: other });
      const group = { conversationId: one, generation };
      assert.deepEqual(identity.parseGroupId(identity.groupIdBytes(one, generation)), group);
    }),
  );
});

test('a group id is read correctly where it lies inside a larger buffer', () => {
  const around = Buffer.concat([Buffer.alloc(7, 9), identity.groupIdBytes(userId, 5), Buffer.alloc(7, 9)]);
  assert.deepEqual(identity.parseGroupId(around.subarray(7, 27)), { conversationId: userId, generation: 5 });
});

test('what is not of the form is not read, and not built', () => {
  const whole = identity.leafIdentity(userId, deviceId);
  for (const text of [
    '',
    whole.toUpperCase(),
    `${whole}x`,
    whole.slice(1),
    whole.replace(':', '|'),
    `${whole.slice(0, -1)}g`,
    `${whole.slice(0, -1)}\n`,
  ]) {
    assert.equal(identity.parseLeafIdentity(text), undefined);
  }
  assert.equal(identity.parseGroupId(new Uint8Array(19)), undefined);
  assert.throws(() => identity.uuidBytes('not a uuid'), RangeError);
  assert.throws(() => identity.leafIdentity(userId, 'x'), RangeError);
  assert.throws(() => identity.groupIdBytes(userId, -1), RangeError);
  assert.throws(() => identity.groupIdBytes(userId, 2 ** 32), RangeError);
  assert.throws(() => identity.deviceBytes(userId, deviceId, new Uint8Array(31)), RangeError);
  assert.throws(() => identity.accountKeyBytes(new Uint8Array(31), { userId, version: 2, key }), RangeError);
  assert.throws(
    () => identity.accountChainBytes(hash, { userId, version: 2, key, signature: new Uint8Array(63) }),
    RangeError,
  );
});
