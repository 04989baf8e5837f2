import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import * as v from 'valibot';
import { fromBase64url, toBase64url } from '../e2ee/bytes.ts';
import { sealMessage } from '../e2ee/envelope.ts';
import { newDevice, newUser, testEngine } from '../e2ee/testing.ts';
import { LocalIndex } from '../search/local-index.ts';
import { phrasesOf } from '../search/query.ts';
import { snippetOf } from '../search/snippet.ts';
import { keyNumber, memoryStore } from '../store.ts';
import { startChromium } from '../testing/chromium.ts';

const pathOf = (file: string) => fileURLToPath(new URL(file, import.meta.url));

function vectors<Schema extends v.GenericSchema>(name: string, schema: Schema): v.InferOutput<Schema> {
  return v.parse(
    schema,
    JSON.parse(readFileSync(new URL(`../../../protocol/vectors/${name}.json`, import.meta.url), 'utf8')),
  );
}
const tokeniserVectors = v.looseObject({
  cases: v.array(v.looseObject({ text: v.string(), tokens: v.array(v.string()) })),
  tags: v.looseObject({ tags: v.array(v.looseObject({ tag: v.string() })) }),
});
const searchableText = v.object({
  conversationId: v.string(),
  seq: v.number(),
  senderId: v.string(),
  sentAt: v.number(),
  text: v.string(),
});
const readSearchable = (value: unknown) => v.parse(searchableText, value);
const safetyVectors = v.looseObject({
  cases: v.array(v.looseObject({ safetyNumber: v.string(), qrOfOne: v.string() })),
});

/** Runs in the page, bundled from the same built files that Node runs. Everything crosses over as JSON. */
const entry = `
import { openIndexedDbKeyStore, deleteIndexedDbKeyStore } from ${JSON.stringify(pathOf('./key-store.js'))};
import { checkKeyStore } from ${JSON.stringify(pathOf('../e2ee/testing/key-store-rules.js'))};
import { fromBase64url, toBase64url, utf8 } from ${JSON.stringify(pathOf('../e2ee/bytes.js'))};
import { generateSigningKey } from ${JSON.stringify(pathOf('../e2ee/ed25519.js'))};
import { openMessage, sealMessage } from ${JSON.stringify(pathOf('../e2ee/envelope.js'))};
import { decodeSavedState, encodeSavedState } from ${JSON.stringify(pathOf('../e2ee/records.js'))};
import { safetyNumber, safetyQr } from ${JSON.stringify(pathOf('../e2ee/safety-number.js'))};
import { tagsOf } from ${JSON.stringify(pathOf('../e2ee/search-tags.js'))};
import { tokenise } from ${JSON.stringify(pathOf('../e2ee/tokeniser.js'))};
import { LocalIndex } from ${JSON.stringify(pathOf('../search/local-index.js'))};
import { phrasesOf } from ${JSON.stringify(pathOf('../search/query.js'))};
import { snippetOf } from ${JSON.stringify(pathOf('../search/snippet.js'))};
import { openIndexedDbStore } from ${JSON.stringify(pathOf('./indexeddb-store.js'))};
import { createTsMlsEngine } from ${JSON.stringify(pathOf('../e2ee/ts-mls-engine.js'))};

let group;
globalThis.sotto = {
  async keyStore() {
    await checkKeyStore(await openIndexedDbKeyStore('rules'), async (store) => {
      await store.close();
      return openIndexedDbKeyStore('rules');
    });
    await deleteIndexedDbKeyStore('rules');
  },
  async atRest() {
    const store = await openIndexedDbKeyStore('rest');
    await store.transact([{ put: 'a', value: utf8('a secret plaintext') }, { put: 'b', value: utf8('another') }]);
    await store.close();
    const ask = (request) => new Promise((resolve, reject) => { request.onsuccess = () => resolve(request.result); request.onerror = reject; });
    const raw = await ask(indexedDB.open('rest'));
    const keys = await ask(raw.transaction('keys').objectStore('keys').getAll());
    const exported = await crypto.subtle.exportKey('raw', keys[0]).then(() => 'exported', () => 'refused');
    const entries = raw.transaction('entries', 'readwrite').objectStore('entries');
    const stored = await ask(entries.get('a'));
    await ask(entries.put(stored, 'b'));
    raw.close();
    const again = await openIndexedDbKeyStore('rest');
    const moved = await again.get('b').then(() => 'accepted', (error) => error.code);
    await again.close();
    return { keys: keys.length, exported, clear: new TextDecoder('latin1').decode(stored).includes('secret'), moved };
  },
  vectors: ({ tokeniser, safety }) => ({
    tokens: tokeniser.cases.map(({ text }) => tokenise(text)),
    tags: tagsOf(tokeniser.tags.conversationId, fromBase64url(tokeniser.tags.secret), tokeniser.tags.tags.map(({ token }) => token)).map(toBase64url),
    numbers: safety.cases.map(({ one, other }) => {
      const [a, b] = [one, other].map(({ userId, accountKey }) => ({ userId, accountKey: fromBase64url(accountKey) }));
      return [safetyNumber(a, b), safetyQr(a, b)];
    }),
  }),
  async search({ texts, queries }) {
    const problems = [];
    const open = async () => {
      const store = await openIndexedDbStore('search');
      return { store, index: new LocalIndex({ store, read: (value) => value, sealAt: 4, onProblem: (problem) => problems.push(String(problem)) }) };
    };
    let { store, index } = await open();
    for (const [i, text] of texts.entries())
      await index.write([{ key: 'entry/c/' + String(i + 1).padStart(16, '0'), value: { conversationId: 'c', seq: i + 1, senderId: 'a', sentAt: i, text } }]);
    await index.settled();
    await store.close();
    ({ store, index } = await open());
    const found = [];
    for (const query of queries) {
      const phrases = phrasesOf(query);
      const hits = await index.find({ phrases, after: -Infinity, before: Infinity, limit: 1000 });
      found.push(hits.map(({ seq }) => [seq, snippetOf(texts[seq - 1], phrases)]));
    }
    await store.close();
    return { found, problems };
  },
  async create({ userId, deviceId, add }) {
    const engine = await createTsMlsEngine(() => true);
    const signer = { userId, deviceId, ...(await generateSigningKey()) };
    const made = await engine.commit(await engine.createGroup(signer, utf8('across')), { adds: [fromBase64url(add)] });
    const store = await openIndexedDbKeyStore('group');
    await store.transact([{ put: 'state', value: encodeSavedState(engine.save(made.state)) }]);
    group = { engine, store };
    return { welcome: toBase64url(made.welcome), deviceKey: toBase64url(signer.publicKey) };
  },
  async read({ mls, content, ...rest }) {
    const { engine, store } = group;
    const state = engine.restore(decodeSavedState(await store.get('state')));
    const opened = await openMessage(engine, state, { ...rest, mls: fromBase64url(mls), content: fromBase64url(content) });
    await store.transact([{ put: 'state', value: encodeSavedState(engine.save(opened.state)) }, { put: 'plain', value: utf8(opened.content.text) }]);
    opened.erase();
    return opened.content;
  },
  async write({ conversationId, clientId, text }) {
    const { engine, store } = group;
    const state = engine.restore(decodeSavedState(await store.get('state')));
    const sealed = await sealMessage(engine, state, { conversationId, clientId, content: { type: 'text', text } });
    await store.transact([{ put: 'state', value: encodeSavedState(engine.save(sealed.state)) }]);
    sealed.erase();
    return { mls: toBase64url(sealed.envelope.mls), content: toBase64url(sealed.envelope.content) };
  },
};`;

let browser: Browser;
let page: Page;
const server = createServer((request, response) => {
  const script = request.url === '/bundle.js';
  response.setHeader('content-type', script ? 'text/javascript' : 'text/html');
  response.end(script ? bundle : '<!doctype html><script type="module" src="/bundle.js"></script>');
});
let bundle = '';

before(async () => {
  const built = await build({
    stdin: { contents: entry, resolveDir: pathOf('.') },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  bundle = built.outputFiles[0]?.text ?? '';
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  browser = await startChromium();
  page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${address.port}/`);
  await page.waitForFunction('globalThis.sotto');
});

after(async () => {
  await browser?.close();
  server.close();
  server.closeAllConnections();
});

const inPage = (name: string, argument: unknown = {}): Promise<unknown> =>
  page.evaluate(`sotto.${name}(${JSON.stringify(argument)})`);

test('in Chromium the IndexedDB store keeps the rules of key stores', async () => {
  await inPage('keyStore');
});

test('in Chromium stored values are encrypted, cannot be exchanged, and their key cannot be read', async () => {
  assert.deepEqual(await inPage('atRest'), { keys: 1, exported: 'refused', clear: false, moved: 'store_damaged' });
});

test('Chromium makes the published tokens, tags and safety numbers', async () => {
  const tokeniser = vectors('tokeniser', tokeniserVectors);
  const safety = vectors('safety-number', safetyVectors);
  assert.deepEqual(await inPage('vectors', { tokeniser, safety }), {
    tokens: tokeniser.cases.map(({ tokens }) => tokens),
    tags: tokeniser.tags.tags.map(({ tag }) => tag),
    numbers: safety.cases.map(({ safetyNumber, qrOfOne }) => [safetyNumber, qrOfOne]),
  });
});

test('Chromium finds and marks the same messages as Node, from IndexedDB and after being opened again', async () => {
  const texts = vectors('tokeniser', tokeniserVectors).cases.map(({ text }) => text);
  const queries = texts.flatMap((text) => [text, `"${text.split(/\s+/)[0]}"`, [...text].slice(0, 2).join('')]);
  const store = memoryStore();
  const index = new LocalIndex({ store, read: readSearchable, sealAt: 4, onProblem: assert.ifError });
  for (const [i, text] of texts.entries()) {
    const value = { conversationId: 'c', seq: i + 1, senderId: 'a', sentAt: i, text };
    await index.write([{ key: `entry/c/${keyNumber(i + 1)}`, value }]);
  }
  const found = [];
  for (const query of queries) {
    const phrases = phrasesOf(query);
    const range = { after: Number.NEGATIVE_INFINITY, before: Number.POSITIVE_INFINITY, limit: 1000 };
    const hits = await index.find({ phrases, ...range });
    found.push(hits.map(({ seq }) => [seq, snippetOf(texts[seq - 1] ?? '', phrases)]));
  }
  assert.ok(found.flat().length >= texts.length);
  assert.deepEqual(await inPage('search', { texts, queries }), { found, problems: [] });
});

test('a device in Node and one in Chromium share a group and read each other, through their stores', async () => {
  const { engine, allow } = await testEngine();
  const here = await newDevice(engine, newUser());
  allow(here);
  const there = { userId: newUser(), deviceId: newUser() };
  const made = v.parse(
    v.object({ welcome: v.string(), deviceKey: v.string() }),
    await inPage('create', { ...there, add: toBase64url(here.package.message) }),
  );
  allow({ ...here, signer: { ...here.signer, ...there, publicKey: fromBase64url(made.deviceKey) } });
  let { state } = await engine.join(here.signer, fromBase64url(made.welcome), [here.package]);
  const conversationId = newUser();
  for (const text of ['Grüße aus Node', 'und noch einer']) {
    const clientId = newUser();
    const sealed = await sealMessage(engine, state, { conversationId, clientId, content: { type: 'text', text } });
    state = sealed.state;
    const { mls, content } = sealed.envelope;
    const origin = { senderId: here.signer.userId, senderDeviceId: here.signer.deviceId };
    const read = await inPage('read', {
      conversationId,
      clientId,
      ...origin,
      mls: toBase64url(mls),
      content: toBase64url(content),
    });
    assert.deepEqual(read, { type: 'text', text });
  }
  const written = v.parse(
    v.object({ mls: v.string() }),
    await inPage('write', { conversationId, clientId: newUser(), text: 'こんにちは' }),
  );
  const got = await engine.process(state, fromBase64url(written.mls));
  assert.ok(got.kind === 'application' && got.sender.deviceId === there.deviceId);
});
