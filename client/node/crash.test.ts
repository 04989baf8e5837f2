import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fromUtf8, utf8 } from '../e2ee/bytes.ts';
import type { E2eeEngine, GroupState } from '../e2ee/engine.ts';
import { E2eeError } from '../e2ee/error.ts';
import type { KeyStore } from '../e2ee/key-store.ts';
import { decodeSavedState, encodeSavedState } from '../e2ee/records.ts';
import { newDevice, newUser, testEngine } from '../e2ee/testing.ts';
import { openFileKeyStore } from './key-store.ts';

/** A device as the SDK runs it: everything it knows is in its store, and it can stop between any two steps. */
async function deviceIn(folder: string, engine: E2eeEngine) {
  let store: KeyStore = await openFileKeyStore(folder);
  const load = async () => engine.restore(decodeSavedState((await store.get('state')) ?? new Uint8Array()));
  const put = (state: GroupState) => ({ put: 'state', value: encodeSavedState(engine.save(state)) });
  return {
    adopt: (state: GroupState) => store.transact([put(state)]),
    /** Stores state, plaintext and ciphertext, but the process may end before the ciphertext is sent. */
    async seal(text: string): Promise<void> {
      const made = await engine.encrypt(await load(), utf8(text), new Uint8Array());
      await store.transact([put(made.state), { put: `outbox/${text}`, value: made.message }]);
      made.erase();
    },
    outbox: async () => (await store.list('outbox/')).map(({ value }) => value),
    async open(
      message: Uint8Array,
      crash: 'before storing' | 'after storing' | 'never' = 'never',
    ): Promise<string | undefined> {
      const got = await engine.process(await load(), message);
      assert.ok(got.kind === 'application');
      if (crash === 'before storing') return undefined;
      const text = fromUtf8(got.plaintext);
      await store.transact([put(got.state), { put: `inbox/${text}`, value: got.plaintext }]);
      if (crash === 'after storing') return undefined;
      return text;
    },
    inbox: async () => (await store.list('inbox/')).map(({ key }) => key.slice(6)),
    async restart(): Promise<void> {
      await store.close();
      store = await openFileKeyStore(folder);
    },
    close: () => store.close(),
  };
}

async function twoDevices(t: TestContext) {
  const { engine, allow } = await testEngine();
  const root = await mkdtemp(join(tmpdir(), 'sotto-crash-'));
  const [alice, bob] = await Promise.all([newDevice(engine, newUser()), newDevice(engine, newUser())]);
  allow(alice);
  allow(bob);
  const made = await engine.commit(await engine.createGroup(alice.signer, utf8('g')), { adds: [bob.package.message] });
  assert.ok(made.welcome);
  const joined = await engine.join(bob.signer, made.welcome, [bob.package]);
  const [a, b] = [await deviceIn(join(root, 'a'), engine), await deviceIn(join(root, 'b'), engine)];
  t.after(async () => {
    await Promise.all([a.close(), b.close()]);
    await rm(root, { recursive: true, force: true });
  });
  await a.adopt(made.state);
  await b.adopt(joined.state);
  return { a, b, folderOfA: join(root, 'a') };
}

const refused = (code: string) => (error: unknown) => error instanceof E2eeError && error.code === code;

test('a message stored before a crash is sent after it, as the same bytes, and the next one uses another key', async (t) => {
  const { a, b } = await twoDevices(t);
  await a.seal('first');
  const before = await a.outbox();
  await a.restart(); // the process ended between storing and sending
  assert.deepEqual(await a.outbox(), before);
  await a.seal('second');
  for (const message of await a.outbox()) await b.open(message);
  assert.deepEqual(await b.inbox(), ['first', 'second']);
});

test('a message whose receiver crashed before storing it is decrypted again when it is delivered again', async (t) => {
  const { a, b } = await twoDevices(t);
  await a.seal('hello');
  const [message = new Uint8Array()] = await a.outbox();
  await b.open(message, 'before storing');
  await b.restart();
  assert.equal(await b.open(message), 'hello');
});

test('a message whose receiver crashed after storing it is in its store, and is known when it is delivered again', async (t) => {
  const { a, b } = await twoDevices(t);
  await a.seal('hello');
  const [message = new Uint8Array()] = await a.outbox();
  await b.open(message, 'after storing');
  await b.restart();
  await assert.rejects(b.open(message), refused('replayed'));
  assert.deepEqual(await b.inbox(), ['hello']);
});

test('a device put back to an older copy of its store harms only its next message', async (t) => {
  const { a, b, folderOfA } = await twoDevices(t);
  const log = join(folderOfA, 'store.log');
  await a.close();
  await copyFile(log, `${log}.copy`);
  await a.restart();
  await a.seal('sent and forgotten');
  const [sent = new Uint8Array()] = await a.outbox();
  assert.equal(await b.open(sent), 'sent and forgotten');
  await a.close();
  await copyFile(`${log}.copy`, log);
  await a.restart();
  await a.seal('x1');
  await a.seal('x2');
  const [lost = new Uint8Array(), next = new Uint8Array()] = await a.outbox();
  await assert.rejects(b.open(lost), refused('replayed'));
  assert.equal(await b.open(next), 'x2');
});
