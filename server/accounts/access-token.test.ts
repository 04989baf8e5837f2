import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { PublicProtocol } from 'paseto';
import { SignFactory } from 'paseto/v4/public';
import { createAccessTokens } from './access-token.ts';
import { generateSigningKey, importSigningKeys } from './signing-keys.ts';

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
