import assert from 'node:assert/strict';
import { createPublicKey, KeyObject } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { PublicProtocol } from 'paseto';
import { GenerateKeyPairFactory, PublicKeyToCryptoKey, SignFactory, VerifyFactory } from 'paseto/v4/public';
import { readV4Public, signedBy } from './v4-public.ts';

const library = new PublicProtocol(GenerateKeyPairFactory, SignFactory, VerifyFactory);

// https://github.com/paseto-standard/test-vectors, v4.json: 4-S-1 to 4-S-3.
const x = Buffer.from('1eb9dbbbbc047c03fd70604e0071f0987e16b28b757225c11f00415d0e20b1a2', 'hex').toString('base64url');
const key = createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
const claims = 'eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAyMi0wMS0wMVQwMDowMDowMCswMDowMCJ9';
const footer = 'eyJraWQiOiJ6VmhNaVBCUDlmUmYyc25FY1Q3Z0ZUaW9lQTlDT2NOeTlEZmdMMVc2MGhhTiJ9';
const alone = `v4.public.${claims}bg_XBBzds8lTZShVlwwKSgeKpLT3yukTw6JUz3W4h_ExsQV-P0V54zemZDcAxFaSeef1QlXEFtkqxT1ciiQEDA`;
const withFooter = `v4.public.${claims}v3Jt8mx_TdM2ceTGoqwrh4yDFn0XsHvvV_D0DtwQxVrJEBMl0F2caAdgnpKlt4p7xBnx1HcO-SPo8FPp214HDw.${footer}`;
const withAssertion = `v4.public.${claims}NPWciuD3d0o5eXJXG5pJy-DiVEoyPYWs1YSTwWHNJq6DZD3je5gf-0M4JR9ipdUSJbIovzmBECeaWmaqcaP0DQ.${footer}`;

const isSigned = async (token: string, by: KeyObject): Promise<boolean> => {
  const read = readV4Public(token);
  return read !== undefined && (await signedBy(by, read));
};

test("the specification's tokens are what they should be", async () => {
  assert.equal(await isSigned(alone, key), true);
  assert.equal(await isSigned(withFooter, key), true);
  assert.equal(
    readV4Public(withFooter)?.message.toString(),
    '{"data":"this is a signed message","exp":"2022-01-01T00:00:00+00:00"}',
  );
  assert.equal(readV4Public(withFooter)?.footer.toString(), '{"kid":"zVhMiPBP9fRf2snEcT7gFTioeA9COcNy9DfgL1W60haN"}');
  assert.equal(await isSigned(withAssertion, key), false, 'signed together with an assertion that is not made here');
});

test('whatever is done to a token, the library judges it alike', async () => {
  const pair = await library.GenerateKeyPair({ extractable: true });
  const by = KeyObject.from(await PublicKeyToCryptoKey(pair.publicKey));
  const token = await library.Sign(
    pair.secretKey,
    { exp: new Date(Date.now() + 3_600_000).toISOString() },
    { footer: new TextEncoder().encode('{"kid":"one"}') },
  );
  const judged = async (text: string): Promise<boolean> =>
    library.Verify(pair.publicKey, text).then(
      () => true,
      () => false,
    );
  assert.equal(await isSigned(token, by), true);
  const places = fc.nat(token.length);
  const touched = fc.oneof(
    fc
      .tuple(places, fc.constantFrom('A', 'B', '-', '_', '.', '=', '+', '/', ' ', 'é'))
      .map(([at, to]) => token.slice(0, at) + to + token.slice(at + 1)),
    fc
      .tuple(places, fc.constantFrom('A', '.', '=', '\n'))
      .map(([at, more]) => token.slice(0, at) + more + token.slice(at)),
    places.map((at) => token.slice(0, at)),
    places.map((at) => token.slice(0, at) + token.slice(at + 1)),
    fc.constantFrom(
      token,
      `${token}.`,
      `${token}=`,
      token.replace('public', 'local'),
      token.replace('v4', 'v2'),
      ` ${token}`,
    ),
  );
  await fc.assert(
    fc.asyncProperty(touched, async (text) => assert.equal(await isSigned(text, by), await judged(text), text)),
    { numRuns: 300 },
  );
});
