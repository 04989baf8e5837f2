/** What `protocol/encryption.md` says about bytes, read with Node's own cryptography as another client would. */
import assert from 'node:assert/strict';
import { createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { test } from 'node:test';
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { uuidBytes } from '../../protocol/identity.ts';
import { own, randomBytes } from './bytes.ts';
import { sealMessage } from './envelope.ts';
import { nextKey } from './key-ring.ts';
import { generateLinkSecret, linkOfferText, sealLinkAnswer } from './linking.ts';
import { sealRecovery } from './recovery.ts';
import { newDevice, newUser, testEngine } from './testing.ts';

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const uint32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
};

function openGcm(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, data: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(data).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

/** A length, JSON, zeros. */
function jsonIn(padded: Buffer): Record<string, unknown> {
  const end = 4 + padded.readUInt32BE();
  assert.ok(padded.subarray(end).every((byte) => byte === 0));
  return JSON.parse(padded.subarray(4, end).toString());
}

test('a message: what is inside mls, its authenticated data, content and wrap', async () => {
  const { engine, allow } = await testEngine();
  const [ada, bob] = await Promise.all([newDevice(engine, newUser()), newDevice(engine, newUser())]);
  allow(ada);
  allow(bob);
  const made = await engine.commit(await engine.createGroup(ada.signer, randomBytes(20)), {
    adds: [bob.package.message],
  });
  assert.ok(made.welcome);
  const { state } = await engine.join(bob.signer, made.welcome, [bob.package]);
  const [conversationId, clientId] = [newUser(), newUser()];
  const historyKey = nextKey([], 0);
  const accountHead = randomBytes(32);
  const tags = [Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)];
  const sealed = await sealMessage(engine, made.state, {
    conversationId,
    clientId,
    content: { type: 'text', text: 'hello' },
    historyKey,
    accountHead,
    search: { v: 7, tags },
  });
  const { mls, content, wrap } = sealed.envelope;
  const got = await engine.process(state, mls);
  assert.ok(got.kind === 'application' && wrap !== undefined);
  const place = Buffer.concat([
    Buffer.from('sotto-content-v1'),
    uuidBytes(conversationId),
    uuidBytes(clientId),
    uuidBytes(ada.signer.deviceId),
  ]);
  assert.deepEqual(
    Buffer.from(got.authenticatedData),
    Buffer.concat([
      Buffer.from('sotto-aad-v1'),
      uuidBytes(conversationId),
      uuidBytes(clientId),
      sha256(...tags.toReversed(), uint32(7)),
      sha256(content),
      sha256(uint32(wrap.v), wrap.ct),
    ]),
  );
  const inner = Buffer.from(got.plaintext);
  const contentKey = inner.subarray(2, 34);
  assert.deepEqual([...inner.subarray(0, 2)], [1, 1]);
  assert.deepEqual(inner.subarray(34), Buffer.concat([sha256(content), Uint8Array.of(1), accountHead]));
  const padded = openGcm(contentKey, Buffer.alloc(12), content, place);
  assert.equal(padded.length, 256);
  assert.deepEqual(jsonIn(padded), { v: 1, type: 'text', text: 'hello' });
  const unwrap = createDecipheriv('id-aes256-wrap', historyKey.key, Buffer.alloc(8, 0xa6));
  assert.deepEqual(Buffer.concat([unwrap.update(wrap.ct), unwrap.final()]), contentKey);
});

test('linking: the offer, the sealed answer, and the six digits', async () => {
  const { publicKey, privateKey, secret } = await generateLinkSecret();
  const offer = {
    linkId: newUser(),
    userId: newUser(),
    deviceId: newUser(),
    deviceKey: randomBytes(32),
    publicKey,
    secret,
  };
  const shown = Buffer.concat([
    uuidBytes(offer.linkId),
    uuidBytes(offer.userId),
    uuidBytes(offer.deviceId),
    offer.deviceKey,
    publicKey,
    secret,
  ]);
  assert.equal(shown.length, 144);
  assert.equal(linkOfferText(offer), `sotto-link:1:${shown.toString('base64url')}`);
  const answer = { accountKey: randomBytes(32), crossSig: randomBytes(64), chainHead: randomBytes(32) };
  const key = { conversationId: newUser(), kind: 'search', v: 258, key: randomBytes(32) } as const;
  const { sealed, code } = await sealLinkAnswer(offer, { ...answer, keys: [key] });
  const digest = createHmac('sha256', secret)
    .update(Buffer.concat([Buffer.from('sotto-link-code-v1'), shown, sha256(sealed)]))
    .digest();
  assert.equal(code, String(digest.readUInt32BE() % 1_000_000).padStart(6, '0'));
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const opened = await suite.open(
    {
      recipientKey: privateKey,
      enc: sealed.slice(0, 32),
      info: own(Buffer.from('sotto-link-v1')),
      psk: { id: own(Buffer.from('sotto-link-psk-v1')), key: own(secret) },
    },
    sealed.slice(32),
    own(shown),
  );
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  assert.deepEqual(JSON.parse(Buffer.from(opened).toString()), {
    v: 1,
    accountKey: text(answer.accountKey),
    crossSig: text(answer.crossSig),
    chainHead: text(answer.chainHead),
    keys: text(Buffer.concat([uuidBytes(key.conversationId), Uint8Array.of(1), uint32(258), key.key])),
  });
});

test('recovery: the blob and what is in it', async () => {
  const [userId, recoveryKey] = [newUser(), randomBytes(32)];
  const account = { publicKey: randomBytes(32), privateKey: randomBytes(48) };
  const holders = [newUser()];
  const blob = Buffer.from(
    await sealRecovery(recoveryKey, userId, { account, keys: [], version: 3, sealedAt: 1_700_000_000_000, holders }),
  );
  assert.equal(blob[0], 1);
  const key = Buffer.from(hkdfSync('sha256', recoveryKey, blob.subarray(1, 17), 'sotto recovery v1', 32));
  const data = Buffer.concat([Buffer.from('sotto-recovery-v1'), uuidBytes(userId)]);
  const padded = openGcm(key, blob.subarray(17, 29), blob.subarray(29), data);
  assert.equal(padded.length % 4096, 0);
  assert.deepEqual(jsonIn(padded), {
    v: 1,
    publicKey: Buffer.from(account.publicKey).toString('base64url'),
    privateKey: Buffer.from(account.privateKey).toString('base64url'),
    keys: '',
    version: 3,
    sealedAt: 1_700_000_000_000,
    holders,
  });
});
