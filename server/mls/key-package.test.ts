import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as mls from 'ts-mls';
import { makeKeyPackageRef } from 'ts-mls/keyPackage.js';
import { leafIdentity } from '../../protocol/identity.ts';
import { checkKeyPackage, type KeyPackageOwner } from './key-package.ts';
import { accepts, encodePack, fuzz, lastResort, makeDevice, makePack, now, refuses, suiteImpl } from './testing.ts';

const device = await makeDevice(1);
const stranger = await makeDevice(2);
const owner: KeyPackageOwner = {
  userId: device.userId,
  deviceId: device.deviceId,
  deviceKey: device.keys.publicKey,
  now,
};
const pack = await makePack(device);
const valid = encodePack(pack.publicPackage);
const check = (bytes: Uint8Array) => checkKeyPackage(bytes, owner);
const start = BigInt(now / 1000);
const basic = (identity: string): mls.Credential => ({ credentialType: 'basic', identity: Buffer.from(identity) });

test('a key package is accepted, with the reference the library computes for it', async () => {
  const checked = check(valid);
  assert.deepEqual(checked.ref, Buffer.from(await makeKeyPackageRef(pack.publicPackage, suiteImpl.hash)));
  assert.deepEqual(
    { ...checked, ref: null },
    { ref: null, suite: 1, notAfter: new Date(now + 89 * 86_400_000), lastResort: false },
  );
});

test('the ids of the owner compare without regard to letter case', () => {
  checkKeyPackage(valid, { ...owner, userId: owner.userId.toUpperCase() });
});

test('a package with the last-resort extension says so', async () => {
  const { publicPackage } = await makePack(device, { extensions: [lastResort] });
  assert.equal(check(encodePack(publicPackage)).lastResort, true);
});

test('many packages of many devices are accepted, whatever their client mixes into the capabilities', async () => {
  const refs = new Set<string>();
  for (let round = 0; round < 40; round += 1) {
    const { publicPackage } = await makePack(device, round % 2 === 0 ? { extensions: [lastResort] } : {});
    refs.add(check(encodePack(publicPackage)).ref.toString('hex'));
  }
  assert.equal(refs.size, 40);
});

test('a package with any single bit changed is refused', () => {
  for (let bit = 0; bit < valid.length * 8; bit += 1) {
    const changed = Buffer.from(valid);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.equal(
      accepts(() => check(changed)),
      false,
      `bit ${bit} changed`,
    );
  }
});

test('a package with any byte missing or doubled, cut short or with bytes behind it is refused', () => {
  for (let at = 0; at < valid.length; at += 1) {
    const [before, after] = [valid.subarray(0, at), valid.subarray(at)];
    assert.equal(
      accepts(() => check(before)),
      false,
    );
    assert.equal(
      accepts(() => check(Buffer.concat([before, after.subarray(1)]))),
      false,
    );
    assert.equal(
      accepts(() => check(Buffer.concat([before, after.subarray(0, 1), after]))),
      false,
    );
  }
  refuses('trailing_bytes', () => check(Buffer.concat([valid, Uint8Array.of(0)])));
  refuses('truncated', () => check(valid.subarray(0, -1)));
});

test('both signatures are checked, each for itself', async () => {
  const foreign = await makePack(stranger, { credential: basic(leafIdentity(device.userId, device.deviceId)) });
  const signatureOf = (key: Uint8Array) => ({ ...foreign.publicPackage.leafNode, signaturePublicKey: key });
  refuses('bad_leaf_signature', () =>
    check(encodePack({ ...foreign.publicPackage, leafNode: signatureOf(device.keys.publicKey) })),
  );
  const other = await makePack(device);
  refuses('bad_signature', () => check(encodePack({ ...pack.publicPackage, leafNode: other.publicPackage.leafNode })));
});

test('another identity, an identity of another form and another signature key are refused', async () => {
  const named = async (identity: string) =>
    encodePack((await makePack(device, { credential: basic(identity) })).publicPackage);
  const bytes = await Promise.all(
    [
      leafIdentity(stranger.userId, device.deviceId),
      leafIdentity(device.userId, stranger.deviceId),
      leafIdentity(device.deviceId, device.userId),
      leafIdentity(device.userId, device.deviceId).toUpperCase(),
      `${device.userId}|${device.deviceId}`,
      ` ${leafIdentity(device.userId, device.deviceId)}`,
      '',
    ].map(named),
  );
  const reasons = ['wrong_identity', 'wrong_identity', 'wrong_identity'] as const;
  for (const [index, package_] of bytes.entries()) refuses(reasons[index] ?? 'bad_identity', () => check(package_));
  refuses('wrong_signature_key', () => checkKeyPackage(valid, { ...owner, deviceKey: stranger.keys.publicKey }));
});

test('another credential than basic is refused', async () => {
  const { publicPackage } = await makePack(device, {
    credential: { credentialType: 'x509', certificates: [Buffer.from('x')] },
  });
  refuses('wrong_credential', () => check(encodePack(publicPackage)));
});

test('another cipher suite is refused', async () => {
  const suite = { ...suiteImpl, name: 'MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519' as const };
  const { publicPackage } = await makePack(device, { suite });
  refuses('wrong_suite', () => check(encodePack(publicPackage)));
});

test('another version and another kind of message are refused', () => {
  const changed = (at: number, value: number) =>
    Buffer.concat([valid.subarray(0, at), Uint8Array.of(value), valid.subarray(at + 1)]);
  refuses('wrong_version', () => check(changed(1, 2)));
  refuses('wrong_version', () => check(changed(5, 2)));
  refuses('wrong_wire_format', () => check(changed(3, 1)));
});

test('a length in more bytes than it needs is refused although everything else is right', () => {
  assert.equal(valid[8], 32);
  refuses('non_minimal_varint', () =>
    check(Buffer.concat([valid.subarray(0, 8), Uint8Array.of(0x40, 32), valid.subarray(9)])),
  );
});

test('an init key that is the encryption key of the leaf is refused', () => {
  const { leafNode } = pack.publicPackage;
  refuses('reused_key', () => check(encodePack({ ...pack.publicPackage, initKey: leafNode.hpkePublicKey })));
});

test('a lifetime that is over, not begun or longer than 100 days is refused', async () => {
  const lasting = async (notBefore: bigint, notAfter: bigint) =>
    encodePack((await makePack(device, { lifetime: { notBefore, notAfter } })).publicPackage);
  const day = 86_400n;
  const [over, early, long, forever, backwards] = await Promise.all([
    lasting(start - day, start),
    lasting(start + 301n, start + day),
    lasting(start - day, start + 99n * day + 1n),
    lasting(mls.defaultLifetime.notBefore, mls.defaultLifetime.notAfter),
    lasting(start + 200n, start + 100n),
  ]);
  refuses('lifetime_over', () => check(over));
  refuses('lifetime_not_started', () => check(early));
  refuses('lifetime_too_long', () => check(long));
  refuses('lifetime_too_long', () => check(forever));
  refuses('lifetime_over', () => check(backwards));
  check(await lasting(start + 300n, start + day));
  check(await lasting(start - day, start + 99n * day));
  check(await lasting(start - day, start + 1n));
});

test('a leaf that lacks what every group needs, or uses what it does not list, is refused', async () => {
  const lacking = async (options: Parameters<typeof makePack>[1]) =>
    encodePack((await makePack(device, options)).publicPackage);
  const unlisted = { extensionType: 0x7777, extensionData: Buffer.from('x') };
  for (const bytes of await Promise.all([
    lacking({ capabilities: { versions: [] } }),
    lacking({ capabilities: { credentials: ['x509'] } }),
    lacking({ capabilities: { ciphersuites: ['MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519'] } }),
    lacking({ leafExtensions: [unlisted] }),
  ])) {
    refuses('bad_capabilities', () => check(bytes));
  }
  check(await lacking({ leafExtensions: [unlisted], capabilities: { extensions: [0x7777] } }));
});

test('an extension that occurs twice, too many of them, and too many bytes are refused', async () => {
  const { publicPackage } = await makePack(device, { extensions: [lastResort, lastResort] });
  refuses('duplicate_extension', () => check(encodePack(publicPackage)));
  const extensions = Array.from({ length: 33 }, (_, index) => ({
    extensionType: 100 + index,
    extensionData: Buffer.alloc(0),
  }));
  const many = await makePack(device, { extensions });
  refuses('too_many', () => check(encodePack(many.publicPackage)));
  const large = await makePack(device, { extensions: [{ extensionType: 99, extensionData: Buffer.alloc(8192) }] });
  refuses('too_large', () => check(encodePack(large.publicPackage)));
});

test('a leaf made for a commit is refused in a key package', () => {
  const { hpkePublicKey, signaturePublicKey, credential, capabilities, extensions, signature } =
    pack.publicPackage.leafNode;
  const common = { hpkePublicKey, signaturePublicKey, credential, capabilities, extensions, signature };
  const leafNode = { ...common, leafNodeSource: 'commit' as const, parentHash: new Uint8Array(32) };
  refuses('wrong_leaf_source', () => check(encodeLoosely({ ...pack.publicPackage, leafNode })));
});

/** A key package whose leaf need not be one for key packages: the library's types rule it out, its encoder doesn't. */
function encodeLoosely(keyPackage: Omit<mls.KeyPackage, 'leafNode'> & { leafNode: mls.LeafNode }): Buffer {
  return encodePack(keyPackage as unknown as mls.KeyPackage);
}

test('noise and hurt packages are refused, nothing else happens', { timeout: 120_000 }, () => {
  fuzz(valid, check);
});
