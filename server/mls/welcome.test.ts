import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as mls from 'ts-mls';
import { readCommit } from './commit.ts';
import { accepts, addOf, encode, fuzz, makeCommit, makeDevice, makeGroup, makePack, refuses } from './testing.ts';
import { checkWelcome, readWelcome } from './welcome.ts';

const packs = await Promise.all([2, 3, 4].map(async (number) => makePack(await makeDevice(number))));
const { commit, welcome = Buffer.alloc(0) } = await makeCommit(await makeGroup(await makeDevice(1)), packs.map(addOf));
const refs = readCommit(commit).adds.map((add) => add.ref);

const decoded = (() => {
  const message = mls.decodeMlsMessage(welcome, 0)?.[0];
  assert.ok(message?.wireformat === 'mls_welcome');
  return message.welcome;
})();

const altered = (change: Partial<mls.Welcome>) =>
  encode({ welcome: { ...decoded, ...change }, wireformat: 'mls_welcome', version: 'mls10' });

test('a welcome is for exactly the devices that its commit adds, in whatever order they are named', () => {
  assert.deepEqual(readWelcome(welcome).map(hex).sort(), refs.map(hex).sort());
  checkWelcome(welcome, refs);
  checkWelcome(welcome, refs.toReversed());
});

test('a welcome for one more, one less, one twice or somebody else is refused', async () => {
  const stranger = Buffer.alloc(32, 9);
  refuses('welcome_differs', () => checkWelcome(welcome, refs.slice(1)));
  refuses('welcome_differs', () => checkWelcome(welcome, [...refs, stranger]));
  refuses('welcome_differs', () => checkWelcome(welcome, [...refs.slice(1), stranger]));
  refuses('welcome_differs', () => checkWelcome(welcome, [...refs.slice(1), ...refs.slice(1, 2)]));
  refuses('welcome_differs', () => checkWelcome(welcome, []));
  const [one, two] = decoded.secrets;
  assert.ok(one && two);
  refuses('welcome_differs', () => checkWelcome(altered({ secrets: [...decoded.secrets, one] }), refs));
  refuses('welcome_differs', () => checkWelcome(altered({ secrets: [one, two, two] }), refs));
  refuses('welcome_differs', () => checkWelcome(altered({ secrets: [] }), refs));
  const twice = [one.newMember, one.newMember];
  refuses('welcome_differs', () => checkWelcome(altered({ secrets: [one, one] }), twice));
});

test('another suite, another kind of message and references that are no hashes are refused', () => {
  refuses('wrong_suite', () =>
    readWelcome(altered({ cipherSuite: 'MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519' })),
  );
  refuses('wrong_wire_format', () => readWelcome(commit));
  const [secret] = decoded.secrets;
  assert.ok(secret);
  refuses('bad_length', () => readWelcome(altered({ secrets: [{ ...secret, newMember: Buffer.alloc(31) }] })));
  refuses('too_many', () => readWelcome(altered({ secrets: Array.from({ length: 501 }, () => secret) })));
});

test('a welcome cut short, with bytes behind it, or above 1 MiB is refused', () => {
  for (let end = 0; end < welcome.length; end += 1)
    assert.equal(
      accepts(() => readWelcome(welcome.subarray(0, end))),
      false,
    );
  refuses('trailing_bytes', () => readWelcome(Buffer.concat([welcome, Uint8Array.of(0)])));
  refuses('too_large', () => readWelcome(altered({ encryptedGroupInfo: Buffer.alloc(1024 * 1024) })));
});

test('noise and hurt welcomes are refused or read, nothing else happens', { timeout: 120_000 }, () => {
  fuzz(welcome, (bytes) => checkWelcome(bytes, refs));
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
