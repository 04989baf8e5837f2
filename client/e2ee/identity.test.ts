import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountKeyBytes, chainStart, revokeBytes } from '../../protocol/identity.ts';
import { type SigningKey, sign, verify } from './ed25519.ts';
import {
  type ChainLink,
  chainHash,
  crossSign,
  generateAccountKey,
  generateDeviceKey,
  isVouched,
  judgeChain,
  signRevocation,
  verifyCrossSignature,
  vouchingKeys,
} from './identity.ts';
import { hasCode, newUser } from './testing.ts';

const user = newUser();

async function extend(chain: readonly ChainLink[], next: SigningKey, signedBy?: SigningKey): Promise<ChainLink[]> {
  const head = chain.at(-1);
  const link = { version: (head?.version ?? 0) + 1, key: next.publicKey };
  const signature =
    head && signedBy && (await sign(signedBy.privateKey, accountKeyBytes(head.hash, { userId: user, ...link })));
  const signed = { ...link, ...(signature && { signature }) };
  return [...chain, { ...signed, hash: chainHash(user, head?.hash ?? chainStart(), signed) }];
}

const keys = await Promise.all([generateAccountKey(), generateAccountKey(), generateAccountKey()]);
const [k1, k2, k3] = keys;

test('a cross-signature holds for one device, key and user, and a revocation for one device', async () => {
  const device = { deviceId: newUser(), key: (await generateDeviceKey()).publicKey };
  const crossSig = await crossSign(k1, user, device.deviceId, device.key);
  assert.equal(await verifyCrossSignature(k1.publicKey, user, { ...device, crossSig }), true);
  assert.equal(await isVouched([k2.publicKey, k1.publicKey], user, { ...device, crossSig }), true);
  assert.equal(await verifyCrossSignature(k2.publicKey, user, { ...device, crossSig }), false);
  assert.equal(await verifyCrossSignature(k1.publicKey, newUser(), { ...device, crossSig }), false);
  assert.equal(await verifyCrossSignature(k1.publicKey, user, { ...device, deviceId: newUser(), crossSig }), false);
  assert.equal(await verifyCrossSignature(k1.publicKey, user, { ...device, key: k2.publicKey, crossSig }), false);
  assert.equal(await verifyCrossSignature(k1.publicKey, user, { ...device, key: new Uint8Array(3), crossSig }), false);
  const revocation = await signRevocation(k1, user, device.deviceId);
  assert.equal(await verify(k1.publicKey, revokeBytes(user, device.deviceId), revocation), true);
  assert.equal(await verify(k1.publicKey, revokeBytes(user, newUser()), revocation), false);
});

test('a chain is pinned on first use, follows signed rotations, and reports a reset', async () => {
  const first = await extend([], k1);
  const pinned = await judgeChain(user, first);
  assert.ok(pinned.kind === 'first' && pinned.pin.version === 1 && !pinned.pin.verified);
  const verified = { ...pinned.pin, verified: true };
  assert.equal((await judgeChain(user, first, verified)).kind, 'same');

  const rotated = await extend(first, k2, k1);
  const after = await judgeChain(user, rotated, verified);
  assert.ok(after.kind === 'rotated' && after.pin.version === 2 && after.pin.verified);
  assert.deepEqual(vouchingKeys(rotated, after.pin), [k1.publicKey, k2.publicKey]);

  const reset = await extend(rotated, k3);
  const judged = await judgeChain(user, reset, after.pin);
  assert.ok(judged.kind === 'reset' && judged.pin.version === 3 && !judged.pin.verified);
  assert.deepEqual(vouchingKeys(reset, judged.pin), [k3.publicKey], 'keys from before a reset vouch for nobody');
  assert.deepEqual(
    vouchingKeys(reset, after.pin),
    [k1.publicKey, k2.publicKey],
    'nor does the new one before it is accepted',
  );
  const later = await extend(reset, k1, k3);
  assert.equal((await judgeChain(user, later, after.pin)).kind, 'reset', 'a signed key after a reset does not hide it');
});

test('a chain that leaves the pinned one is recognised, and a broken one is refused', async () => {
  const pinned = await judgeChain(user, await extend(await extend([], k1), k2, k1));
  assert.ok(pinned.kind === 'first');
  assert.equal((await judgeChain(user, await extend([], k1), pinned.pin)).kind, 'rewritten', 'rolled back');
  assert.equal((await judgeChain(user, await extend(await extend([], k3), k2, k3), pinned.pin)).kind, 'rewritten');

  const good = await extend(await extend([], k1), k2, k1);
  const [one, two] = good;
  assert.ok(one && two);
  const wrongSigner = await extend([one], k2, k3);
  const breaks: ChainLink[][] = [
    [],
    [two],
    [one, { ...two, hash: one.hash }],
    [one, { ...two, key: k3.publicKey }],
    [one, { ...two, signature: undefined }],
    [{ ...one, signature: two.signature }, two],
    wrongSigner,
  ];
  for (const chain of breaks) await assert.rejects(judgeChain(user, chain), hasCode('refused'));
});
