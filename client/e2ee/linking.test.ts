import assert from 'node:assert/strict';
import { test } from 'node:test';
import { own, randomBytes } from './bytes.ts';
import type { ConversationKey } from './conversation-keys.ts';
import { crossSign, generateAccountKey, generateDeviceKey, verifyCrossSignature } from './identity.ts';
import {
  generateLinkSecret,
  type LinkOffer,
  linkOfferText,
  maxLinkKeys,
  openLinkAnswer,
  parseLinkOffer,
  sealLinkAnswer,
} from './linking.ts';
import { maxRecoveryKeys, openRecovery, sealRecovery } from './recovery.ts';
import { generateRecoveryKey, parseRecoveryKey, recoveryKeyText } from './recovery-key.ts';
import { hasCode, newUser } from './testing.ts';

const someKeys = (count: number): ConversationKey[] =>
  Array.from({ length: count }, (_, i) => ({
    conversationId: newUser(),
    kind: i % 2 === 0 ? 'history' : 'search',
    v: i + 1,
    key: randomBytes(32),
  }));

async function offered() {
  const account = await generateAccountKey();
  const device = await generateDeviceKey();
  const link = await generateLinkSecret();
  const offer: LinkOffer = {
    linkId: newUser(),
    userId: newUser(),
    deviceId: newUser(),
    deviceKey: device.publicKey,
    publicKey: link.publicKey,
    secret: link.secret,
  };
  const answer = async (keys: ConversationKey[] = []) => ({
    accountKey: account.publicKey,
    crossSig: await crossSign(account, offer.userId, offer.deviceId, offer.deviceKey),
    chainHead: randomBytes(32),
    keys,
  });
  return { account, link, offer, answer };
}

test('a new device shows an offer, gets its cross-signature and keys, and both devices show one code', async () => {
  const { account, link, offer, answer } = await offered();
  const scanned = parseLinkOffer(` ${linkOfferText(offer)}\n`);
  assert.ok(scanned);
  assert.deepEqual(scanned, offer);
  const given = await answer(someKeys(5));
  const { sealed, code } = await sealLinkAnswer(scanned, given);
  const got = await openLinkAnswer(offer, link.privateKey, sealed);
  assert.deepEqual(got.answer, { v: 1, ...given });
  assert.match(code, /^\d{6}$/);
  assert.equal(got.code, code);
  const { accountKey, crossSig } = got.answer;
  assert.ok(
    await verifyCrossSignature(accountKey, offer.userId, { deviceId: offer.deviceId, key: offer.deviceKey, crossSig }),
  );
  const text =
    Buffer.from(sealed).toString('latin1') +
    JSON.stringify(got.answer, (_, x) => (x instanceof Uint8Array ? Buffer.from(x).toString('hex') : x));
  assert.ok(
    !text.includes(Buffer.from(account.privateKey.subarray(16)).toString('hex')),
    'the account key stays where it is',
  );
});

test('the server, which never saw the secret, can neither make nor change an answer', async () => {
  const { link, offer, answer } = await offered();
  const { sealed } = await sealLinkAnswer(offer, await answer());
  const guess = { ...offer, secret: randomBytes(32) };
  const forged = await sealLinkAnswer(guess, await answer());
  await assert.rejects(openLinkAnswer(offer, link.privateKey, forged.sealed), hasCode('undecryptable'));
  const changed = own(sealed);
  changed[50] = (changed[50] ?? 0) ^ 1;
  await assert.rejects(openLinkAnswer(offer, link.privateKey, changed), hasCode('undecryptable'));
  await assert.rejects(
    openLinkAnswer({ ...offer, deviceId: newUser() }, link.privateKey, sealed),
    hasCode('undecryptable'),
  );
  await assert.rejects(
    openLinkAnswer(offer, (await generateLinkSecret()).privateKey, sealed),
    hasCode('undecryptable'),
  );
  await assert.rejects(openLinkAnswer(offer, link.privateKey, new Uint8Array(5)), hasCode('undecryptable'));
});

test('an answer holds as many keys as 64 KiB take and no more; other texts are no offers', async () => {
  const { link, offer, answer } = await offered();
  const full = await sealLinkAnswer(offer, await answer(someKeys(maxLinkKeys)));
  assert.ok(maxLinkKeys > 800 && full.sealed.length <= 64 * 1024);
  assert.equal((await openLinkAnswer(offer, link.privateKey, full.sealed)).answer.keys.length, maxLinkKeys);
  await assert.rejects(sealLinkAnswer(offer, await answer(someKeys(maxLinkKeys + 1))), hasCode('refused'));
  for (const text of ['', 'hello', 'sotto-link:1:', 'sotto-link:1:????', `${linkOfferText(offer)}AAAA`])
    assert.equal(parseLinkOffer(text), undefined);
});

test('a recovery key survives being written down, and a typing mistake is found', () => {
  const key = generateRecoveryKey();
  const text = recoveryKeyText(key);
  assert.match(text, /^([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}$/);
  assert.deepEqual(parseRecoveryKey(text), key);
  assert.deepEqual(
    parseRecoveryKey(text.toLowerCase().replaceAll('-', '  ').replaceAll('0', 'o').replaceAll('1', 'l')),
    key,
  );
  for (let at = 0; at < text.length; at += 5) {
    const wrong = text[at] === 'A' ? 'B' : 'A';
    assert.equal(parseRecoveryKey(text.slice(0, at) + wrong + text.slice(at + 1)), undefined);
  }
  assert.equal(parseRecoveryKey(text.slice(1)), undefined);
  assert.equal(parseRecoveryKey(text.replace(/^./, '!')), undefined);
});

test('a recovery blob gives back account and keys to its key and user alone', async () => {
  const [account, userId, key] = [await generateAccountKey(), newUser(), generateRecoveryKey()];
  const rest = { version: 3, sealedAt: Date.now(), holders: [newUser(), newUser()] };
  const recovery = { account, keys: someKeys(100), ...rest };
  const blob = await sealRecovery(key, userId, recovery);
  assert.equal((blob.length - 29 - 16) % 4096, 0);
  assert.deepEqual(await openRecovery(key, userId, blob), recovery);
  const one = someKeys(1);
  const full = await sealRecovery(key, userId, { ...recovery, keys: Array(maxRecoveryKeys).fill(one).flat() });
  assert.ok(maxRecoveryKeys > 14_000 && full.length <= 1024 * 1024);
  const more = Array(maxRecoveryKeys + 1)
    .fill(one)
    .flat();
  await assert.rejects(sealRecovery(key, userId, { ...recovery, keys: more }), hasCode('refused'));
  await assert.rejects(openRecovery(generateRecoveryKey(), userId, blob), hasCode('undecryptable'));
  await assert.rejects(openRecovery(key, newUser(), blob), hasCode('undecryptable'));
  const changed = own(blob);
  changed[100] = (changed[100] ?? 0) ^ 1;
  await assert.rejects(openRecovery(key, userId, changed), hasCode('undecryptable'));
  await assert.rejects(openRecovery(key, userId, Uint8Array.of(9)), hasCode('malformed'));
  await assert.rejects(openRecovery(key, userId, Uint8Array.of(1)), hasCode('undecryptable'));
});
