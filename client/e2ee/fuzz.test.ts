import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from './bytes.ts';
import { decodeContent } from './content.ts';
import { unpackKeys } from './conversation-keys.ts';
import { E2eeError } from './error.ts';
import { parseLinkOffer } from './linking.ts';
import { parseRecoveryKey } from './recovery-key.ts';
import { newDevice, newUser, testEngine } from './testing.ts';
import { allTokens, normalise, tokenise } from './tokeniser.ts';

const anyBytes = fc.uint8Array({ maxLength: 400 });

/** Bytes like real ones: some changed, cut off or repeated. */
const mutated = (original: Uint8Array) =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { maxLength: 6 }),
      fc.nat(original.length),
      fc.boolean(),
    )
    .map(([changes, length, whole]) => {
      const bytes = Uint8Array.from(original);
      for (const [at, value] of changes) bytes[at] = value;
      return whole ? bytes : bytes.slice(0, length);
    });

const onlyE2eeError = (step: () => unknown) => {
  try {
    step();
  } catch (error) {
    if (!(error instanceof E2eeError)) throw error;
  }
};

test('no input makes a decoder fail in another way than it says', async () => {
  const { engine, allow } = await testEngine();
  const [one, other] = await Promise.all([newDevice(engine, newUser()), newDevice(engine, newUser())]);
  allow(one);
  allow(other);
  const made = await engine.commit(await engine.createGroup(one.signer, utf8('g')), { adds: [other.package.message] });
  const { message } = await engine.encrypt(made.state, utf8('x'), utf8('aad'));
  const real = [one.package.message, made.commit, made.welcome ?? message, message];
  for (const bytes of [anyBytes, ...real.map(mutated)])
    fc.assert(
      fc.property(bytes, (input) => onlyE2eeError(() => engine.inspect(input))),
      { numRuns: 400 },
    );
  fc.assert(fc.property(anyBytes, (input) => onlyE2eeError(() => decodeContent(input))));
  fc.assert(
    fc.property(anyBytes, (input) =>
      onlyE2eeError(() => engine.restore({ engine: 'ts-mls', version: 1, bytes: Uint8Array.from(input) })),
    ),
  );
  const state = engine.save(made.state);
  fc.assert(
    fc.property(mutated(state.bytes), (input) =>
      onlyE2eeError(() => engine.restore({ ...state, bytes: Uint8Array.from(input) })),
    ),
  );
  await fc.assert(
    fc.asyncProperty(fc.oneof(...real.map(mutated)), async (input) => {
      await engine
        .process(made.state, input)
        .catch((error: unknown) => assert.ok(error instanceof E2eeError, String(error)));
      await engine
        .join(other.signer, input, [other.package])
        .catch((error: unknown) => assert.ok(error instanceof E2eeError, String(error)));
    }),
    { numRuns: 150 },
  );
});

test('base64url is read exactly as it is written, and nothing else is', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const text = toBase64url(bytes);
      assert.equal(text, Buffer.from(bytes).toString('base64url'));
      assert.deepEqual(fromBase64url(text), Uint8Array.from(bytes));
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), (text) => {
      let read: Uint8Array | undefined;
      try {
        read = fromBase64url(text);
      } catch (error) {
        assert.ok(error instanceof TypeError);
      }
      if (read) assert.equal(toBase64url(read), text);
    }),
  );
});

test('any text is tokenised within bounds, and normalising is stable', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
      const tokens = tokenise(text);
      assert.ok(tokens.length <= 48 && new Set(tokens).size === tokens.length);
      for (const token of allTokens(text)) assert.match(token, /^(w:[\p{L}\p{N}\p{M}]+|b:[\p{L}\p{N}\p{M}]{1,2})$/u);
      assert.equal(normalise(normalise(text)), normalise(text));
    }),
    { numRuns: 500 },
  );
});

test('offers, recovery keys and packed keys that are none are recognised', () => {
  fc.assert(fc.property(fc.string(), (text) => assert.equal(parseLinkOffer(`sotto-link:1:${text}`), undefined)));
  fc.assert(
    fc.property(fc.string({ minLength: 50, maxLength: 60 }), (text) => assert.equal(parseRecoveryKey(text), undefined)),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      try {
        unpackKeys(bytes);
      } catch (error) {
        assert.ok(error instanceof TypeError);
      }
    }),
  );
  assert.equal(fromUtf8(utf8('ü')), 'ü');
});
