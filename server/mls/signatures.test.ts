import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AccountKey, accountKeyBytes, chainStart, deviceBytes, revokeBytes } from '../../protocol/identity.ts';
import * as signatures from './signatures.ts';

const userId = '0193bbbb-0000-7000-8000-000000000001';
const deviceId = '0193cccc-0000-7000-8000-000000000001';

type Keys = { readonly raw: Buffer; readonly secret: KeyObject };

function makeKeys(): Keys {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return { raw: Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'), secret: privateKey };
}

const account = makeKeys();
const device = makeKeys();
const signed = (content: Uint8Array, by = account) => sign(null, content, by.secret);

/**
 * Asserts that a signature holds, and that it doesn't with any of its bits changed, with one missing or with one
 * more.
 */
function holdsExactly(signature: Buffer, check: (signature: Buffer) => boolean): void {
  assert.equal(check(signature), true);
  for (let bit = 0; bit < signature.length * 8; bit += 1) {
    const changed = Buffer.from(signature);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(check(changed), false, `bit ${bit} changed`);
  }
  assert.equal(check(signature.subarray(1)), false);
  assert.equal(check(Buffer.concat([signature, Uint8Array.of(0)])), false);
  assert.equal(check(Buffer.alloc(0)), false);
}

test('a device is vouched for by exactly the account key that signed user, device and key', () => {
  const vouched = { userId, deviceId, deviceKey: device.raw };
  const signature = signed(deviceBytes(userId, deviceId, device.raw));
  holdsExactly(signature, (candidate) => signatures.isDeviceVouched(account.raw, vouched, candidate));
  assert.equal(signatures.isDeviceVouched(device.raw, vouched, signature), false);
  assert.equal(signatures.isDeviceVouched(account.raw, { ...vouched, userId: deviceId }, signature), false);
  assert.equal(signatures.isDeviceVouched(account.raw, { ...vouched, deviceId: userId }, signature), false);
  assert.equal(signatures.isDeviceVouched(account.raw, { ...vouched, deviceKey: account.raw }, signature), false);
  assert.equal(signatures.isDeviceVouched(account.raw, { ...vouched, deviceKey: Buffer.alloc(31) }, signature), false);
});

test('a signature for one purpose does not serve for another', () => {
  const revocation = signed(revokeBytes(userId, deviceId));
  holdsExactly(revocation, (candidate) => signatures.isRevocationSigned(account.raw, { userId, deviceId }, candidate));
  assert.equal(signatures.isRevocationSigned(account.raw, { userId: deviceId, deviceId: userId }, revocation), false);
  assert.equal(signatures.isDeviceVouched(account.raw, { userId, deviceId, deviceKey: device.raw }, revocation), false);
  const vouching = signed(deviceBytes(userId, deviceId, device.raw));
  assert.equal(signatures.isRevocationSigned(account.raw, { userId, deviceId }, vouching), false);
});

test('a new account key is vouched for by the one before, at its place in the chain only', () => {
  const first: AccountKey = { userId, version: 1, key: account.raw };
  const previous = { key: account.raw, hash: signatures.chainHash(chainStart(), first) };
  const next = { userId, version: 2, key: device.raw };
  const signature = signed(accountKeyBytes(previous.hash, next));
  holdsExactly(signature, (candidate) => signatures.isRotationSigned(previous, { ...next, signature: candidate }));
  assert.equal(signatures.isRotationSigned(previous, next), false, 'a reset is no rotation');
  assert.equal(signatures.isRotationSigned(previous, { ...next, signature, version: 3 }), false);
  assert.equal(signatures.isRotationSigned(previous, { ...next, signature, userId: deviceId }), false);
  assert.equal(signatures.isRotationSigned({ ...previous, hash: chainStart() }, { ...next, signature }), false);
});

test('the chain hash changes with every field, and with the history before', () => {
  const signature = Buffer.alloc(64, 9);
  const entry: AccountKey = { userId, version: 2, key: account.raw, signature };
  const previous = Buffer.alloc(32, 1);
  const hashes = [
    signatures.chainHash(previous, entry),
    signatures.chainHash(chainStart(), entry),
    signatures.chainHash(previous, { ...entry, userId: deviceId }),
    signatures.chainHash(previous, { ...entry, version: 3 }),
    signatures.chainHash(previous, { ...entry, key: device.raw }),
    signatures.chainHash(previous, { ...entry, signature: undefined }),
    signatures.chainHash(previous, { ...entry, signature: Buffer.alloc(64, 8) }),
  ].map((hash) => hash.toString('hex'));
  assert.equal(new Set(hashes).size, hashes.length);
});

test('the chain hash is the one other programs can compute from the description', () => {
  const key = Buffer.alloc(32, 2);
  const described = [
    Buffer.from('sotto-chain-v1'),
    Buffer.alloc(32),
    Buffer.from(userId.replaceAll('-', ''), 'hex'),
    Buffer.from('00000001', 'hex'),
    key,
    Buffer.alloc(64),
  ];
  const hash = signatures.chainHash(chainStart(), { userId, version: 1, key });
  assert.deepEqual(hash, createHash('sha256').update(Buffer.concat(described)).digest());
  assert.equal(hash.toString('hex'), 'eadaa3a29ad6402a51b35035584eed5ad8553a39ae28071c5f7bf0b5cfde7cfc');
});

test('a key of small order is unusable: the bare verification accepts a signature nobody made', () => {
  const prime = 2n ** 255n - 19n;
  const ys = [0n, 1n, prime - 1n, prime, prime + 1n];
  const orderEight = 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a';
  const others = ['26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', orderEight];
  const keys = [
    ...ys.map((y) => Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse()),
    ...others.map((key) => Buffer.from(key, 'hex')),
  ];
  const forged = Buffer.concat([Uint8Array.of(1), Buffer.alloc(63)]);
  let accepted = 0;
  for (const key of keys) {
    for (const sign of [0, 0x80]) {
      const signedKey = Buffer.from(key);
      signedKey[31] = (signedKey[31] ?? 0) | sign;
      assert.equal(signatures.isUsableKey(signedKey), false);
      const contents = Array.from({ length: 100 }, (_, index) => Buffer.from([index]));
      if (contents.some((content) => verify(null, content, signatures.importKey(signedKey), forged))) accepted += 1;
      assert.ok(contents.every((content) => !signatures.isSigned(signedKey, content, forged)));
    }
  }
  assert.ok(accepted >= 8, `only ${accepted} of these keys are weak, so the list is wrong`);
});

test('real keys are usable, keys of another length are not', () => {
  for (let round = 0; round < 100; round += 1) assert.ok(signatures.isUsableKey(makeKeys().raw));
  for (const length of [0, 31, 33]) assert.equal(signatures.isUsableKey(Buffer.alloc(length, 7)), false);
});

test('no bytes as key, content or signature make a check do anything but say no', () => {
  const any = fc.uint8Array({ maxLength: 70 });
  const sized = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  fc.assert(
    fc.property(fc.oneof(any, sized(32)), any, fc.oneof(any, sized(64)), (key, content, signature) => {
      assert.equal(signatures.isSigned(key, content, signature), false);
      assert.equal(signatures.isDeviceVouched(key, { userId, deviceId, deviceKey: content }, signature), false);
      assert.equal(
        signatures.isRotationSigned({ key, hash: chainStart() }, { userId, version: 2, key: content, signature }),
        false,
      );
    }),
    { numRuns: 500 },
  );
});
