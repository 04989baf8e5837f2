import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { PublicProtocol } from 'paseto';
import { SignFactory } from 'paseto/v4/public';
import { createAccessTokens } from './access-token.ts';
import { generateSigningKey, importSigningKeys } from './signing-keys.ts';
import { readV4Public, signedBy } from './v4-public.ts';

const v4 = new PublicProtocol(SignFactory);
const identity = { userId: randomUUID(), deviceId: randomUUID(), sessionId: randomUUID() };

test('a token says who it is for, until it expires', async () => {
  let now = Date.now();
  const tokens = createAccessTokens(await importSigningKeys((await generateSigningKey()).secret), 60_000, () => now);
  const { token, expiresAt } = await tokens.issue(identity);
  assert.deepEqual(await tokens.verify(token), { ...identity, expiresAt });
  now += 61_000;
  assert.equal(await tokens.verify(token), undefined);
});

test('a token that was touched, is cut short, or is of a key nobody knows, is none', async () => {
  const tokens = createAccessTokens(await importSigningKeys((await generateSigningKey()).secret));
  const { token } = await tokens.issue(identity);
  const middle = token.length >> 1;
  const touched = token.slice(0, middle) + (token[middle] === 'A' ? 'B' : 'A') + token.slice(middle + 1);
  const strange = createAccessTokens(await importSigningKeys((await generateSigningKey()).secret));
  const foreign = (await strange.issue(identity)).token;
  for (const bad of [
    touched,
    token.slice(0, -2),
    token.split('.').slice(0, 3).join('.'),
    foreign,
    '',
    'v4.public.x',
    'x',
  ]) {
    assert.equal(await tokens.verify(bad), undefined, bad);
  }
});

test('a token of another purpose, without an end, or about nobody, is none, though its signature is right', async () => {
  const keys = await importSigningKeys((await generateSigningKey()).secret);
  const tokens = createAccessTokens(keys);
  const footer = new TextEncoder().encode(JSON.stringify({ kid: keys.id }));
  const claims = {
    purpose: 'access',
    sub: identity.userId,
    device: identity.deviceId,
    session: identity.sessionId,
    exp: new Date(Date.now() + 60_000).toISOString(),
  };
  const verified = async (content: object, nonExpiring = false) =>
    tokens.verify(await v4.Sign(keys.secret, { ...content }, { footer, nonExpiring }));
  assert.notEqual(await verified(claims), undefined);
  for (const bad of [
    { ...claims, purpose: 'reset' },
    { ...claims, sub: 'somebody' },
    { ...claims, session: undefined },
  ]) {
    assert.equal(await verified(bad), undefined, JSON.stringify(bad));
  }
  assert.equal(await verified(claims, true), undefined, 'without an end');
});

test('tokens of a key that is on its way out are accepted', async () => {
  const old = await generateSigningKey();
  const before = createAccessTokens(await importSigningKeys(old.secret));
  const { token } = await before.issue(identity);
  const after = createAccessTokens(await importSigningKeys((await generateSigningKey()).secret, [old.public]));
  assert.equal((await after.verify(token))?.sessionId, identity.sessionId);
  assert.equal(after.publicKeys.length, 2);
});

test('the seal of one token is no seal for what another says', async () => {
  const tokens = createAccessTokens(await importSigningKeys((await generateSigningKey()).secret));
  const one = (await tokens.issue(identity)).token.split('.');
  const other = (await tokens.issue({ ...identity, sessionId: randomUUID() })).token.split('.');
  assert.equal((await tokens.verify(one.join('.')))?.sessionId, identity.sessionId);
  assert.equal(await tokens.verify([...other.slice(0, 3), one[3]].join('.')), undefined);
});

test('a seal is only believed of the key that made it: any other token is checked by its signature', async () => {
  const [mine, theirs] = [await generateSigningKey(), await generateSigningKey()];
  const keys = await importSigningKeys(mine.secret, [theirs.public]);
  const tokens = createAccessTokens(keys);
  const { token } = await createAccessTokens(await importSigningKeys(theirs.secret)).issue(identity);
  assert.notEqual(await tokens.verify(token), undefined);
  const claimsOf = (text: string) => text.split('.')[2] ?? '';
  const forged = Buffer.from(claimsOf(token), 'base64url');
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
  const broken = token.replace(claimsOf(token), forged.toString('base64url'));
  assert.equal(await tokens.verify(broken), undefined, 'signature broken');
  // And whoever only has the public keys can check what is issued here.
  const read = readV4Public((await tokens.issue(identity)).token);
  const key = keys.verifying.get(keys.id)?.key;
  assert.ok(read !== undefined && key !== undefined);
  assert.equal(await signedBy(key, read), true);
});

test('a seal that is empty, cut short or made with another key is none', async () => {
  const { secret } = await generateSigningKey();
  const keys = await importSigningKeys(secret);
  const tokens = createAccessTokens(keys);
  const { token } = await tokens.issue(identity);
  const [, , claimed = '', foot = ''] = token.split('.');
  const { seal } = JSON.parse(Buffer.from(foot, 'base64url').toString()) as { seal: string };
  for (const bad of ['', seal.slice(0, -2), seal.toUpperCase(), Buffer.alloc(32).toString('base64url')]) {
    const other = Buffer.from(JSON.stringify({ kid: keys.id, seal: bad })).toString('base64url');
    assert.equal(await tokens.verify(`v4.public.${claimed}.${other}`), undefined, bad);
  }
  // Without one the signature decides, and the footer is signed.
  const bare = Buffer.from(JSON.stringify({ kid: keys.id })).toString('base64url');
  assert.equal(await tokens.verify(`v4.public.${claimed}.${bare}`), undefined);
});
