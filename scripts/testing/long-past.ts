import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import * as v from 'valibot';
import { toBase64url, utf8 } from '../../client/e2ee/bytes.ts';
import type { E2eeEngine } from '../../client/e2ee/engine.ts';
import { sealMessage } from '../../client/e2ee/envelope.ts';
import { currentKey } from '../../client/e2ee/key-ring.ts';
import { createTsMlsEngine } from '../../client/e2ee/ts-mls-engine.ts';
import { groupRecord, keys as recordKeys, ringsRecord, stateOf } from '../../client/encryption/records.ts';
import { type ClientStore, memoryStore } from '../../client/index.ts';
import { openFileStore } from '../../client/node/file-store.ts';
import { keys, received } from '../../client/records.ts';
import { launchChromium } from '../../client/testing/chromium.ts';
import { firstPhone, joined, linkPhone, meet, type Phone, phoneOf, start } from './encrypted.ts';
import { greet } from './raw-socket.ts';
import { PASSWORD, type RunningServer, runServer } from './running-server.ts';

const WINDOW = 48;

/** A person with one device, whose conversation has so many messages of somebody else. */
export interface LongPast {
  readonly server: RunningServer;
  readonly ada: Phone;
  readonly bob: Phone;
  readonly id: string;
  readonly count: number;
}

/** What the nth message says. */
export const wordsOf = (n: number): string => `message ${n} of a long year, about ${n % 7 ? 'this' : 'lighthouses'}`;

/**
 * Bob's messages are sealed by the SDK's own functions under the conversation's history key and sent over one socket.
 * What is inside `mls` is the same each time: whoever could decrypt it has seen all of it, and is only moved on.
 */
export async function longPast(t: TestContext, count: number): Promise<LongPast> {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const stores = [memoryStore(), memoryStore()] as const;
  const first = await firstPhone(t, server, 'ada', { store: lasting(stores[0]) });
  const second = await firstPhone(t, server, 'bob', { store: lasting(stores[1]) });
  const id = await meet(first, second);
  const token = await second.client.accessToken();
  await Promise.all([first.client.close(), second.client.close()]);
  await writeTo(server, token, stores[1], id, count);
  await server.sql`
    update device_cursors d set seq = c.last_seq from conversations c where c.id = d.conversation_id and c.id = ${id}`;
  await server.sql`
    update conversation_participants p set delivered_seq = c.last_seq from conversations c
    where c.id = p.conversation_id and c.id = ${id}`;
  const [head] = await server.sql`select last_seq::int as seq from conversations where id = ${id}`;
  for (const store of stores) {
    const at = v.parse(received, await store.get(keys.received(id)));
    const value = { ...at, seq: Number(head?.seq) };
    await store.write([
      { key: keys.received(id), value },
      { key: keys.handled(id), value },
    ]);
  }
  const [ada, bob] = [
    await start(phoneOf(t, server, { store: lasting(stores[0]) })),
    await start(phoneOf(t, server, { store: lasting(stores[1]) })),
  ];
  return { server, ada, bob, id, count };
}

/** The same store in the next run of the program. */
const lasting = (store: ClientStore): ClientStore => ({ ...store, close: async () => {} });

async function writeTo(server: RunningServer, token: string, store: ClientStore, id: string, count: number) {
  const real = await createTsMlsEngine(() => true);
  const group = v.parse(groupRecord, await store.get(recordKeys.group(id)));
  const state = stateOf(real, group.state ?? '');
  const { history } = v.parse(ringsRecord, await store.get(recordKeys.rings(id)));
  const once = await real.encrypt(state, utf8('x'.repeat(99)), utf8('x'.repeat(140)));
  const engine: E2eeEngine = { ...real, encrypt: async () => ({ ...once, erase: () => undefined }) };
  const socket = await greet(server.url, token);
  const flying = new Set<Promise<void>>();
  for (let n = 1; n <= count; n += 1) {
    const clientId = crypto.randomUUID();
    const content = { type: 'text', text: wordsOf(n) } as const;
    const message = { conversationId: id, clientId, content, historyKey: currentKey(history) };
    const { envelope } = await sealMessage(engine, state, message);
    const sent = socket
      .ask('message.send', {
        conversationId: id,
        clientId,
        epoch: envelope.epoch,
        mls: toBase64url(envelope.mls),
        content: toBase64url(envelope.content),
        wrap: envelope.wrap && { v: envelope.wrap.v, ct: toBase64url(envelope.wrap.ct) },
      })
      .then(({ type, code }) => {
        flying.delete(sent);
        assert.equal(type, 'reply', code);
      });
    flying.add(sent);
    if (flying.size >= WINDOW) await Promise.race(flying);
  }
  await Promise.all(flying);
  socket.close();
}

/** Reads everything back on a new device in Node, with a store on disk. */
export async function readBackInNode(t: TestContext, past: LongPast): Promise<void> {
  const { server, ada, bob, id, count } = past;
  const folder = mkdtempSync(join(tmpdir(), 'sotto-read-back-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const laptop = await linkPhone(t, server, 'ada', ada, { store: await openFileStore(folder) });
  await joined(id, laptop, ada, bob);
  const began = performance.now();
  let read = 0;
  let highest = 0;
  for (let before: number | undefined; ; ) {
    const page = await laptop.client.history(id, { limit: 200, ...(before === undefined ? {} : { before }) });
    for (const { content, archived } of page.entries) {
      if (archived === true && String(content?.text).startsWith('message ')) read += 1;
    }
    highest = Math.max(highest, process.memoryUsage().heapUsed);
    before = page.next;
    if (before === undefined) break;
  }
  tell(t, 'Node, store on disk', read, performance.now() - began, highest);
  assert.equal(read, count);
  const { hits } = await laptop.client.search({ text: 'lighthouses', limit: 100 });
  assert.equal(hits.length, Math.min(100, Math.floor(count / 7)));
  assert.equal(hits[0]?.entry.content?.text, wordsOf(count - (count % 7)));
  assert.ok(hits[0]?.entry.archived);
  await laptop.client.close();
}

const pathOf = (file: string) => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)));

/** Runs in the page: a device that keeps its messages in IndexedDB. */
const page = `
import { createEncryptedClient } from ${pathOf('../../client/index.js')};
import { openIndexedDbStore } from ${pathOf('../../client/browser/indexeddb-store.js')};
let client;
let coded;
globalThis.sotto = {
  status: () => client.encryption.status,
  group: async (id) => (await client.encryption.group(id)).devices.length,
  async open({ url, login, password }) {
    client = createEncryptedClient({ url, store: await openIndexedDbStore('past') });
    await client.login({ login, password, deviceName: 'browser' });
    await client.start();
    await client.ready();
  },
  async offer() {
    // Listened for from here on: the answer can be there before the page is asked for its code.
    coded = new Promise((resolve) => client.encryption.on('link', ({ code }) => resolve(code)));
    return (await client.encryption.linking().offer()).text;
  },
  code: () => coded,
  confirm: () => client.encryption.linking().confirm(),
  async readBack({ id }) {
    const began = performance.now();
    let read = 0;
    for (let before; ; ) {
      const page = await client.history(id, { limit: 200, ...(before === undefined ? {} : { before }) });
      for (const { content, archived } of page.entries)
        if (archived === true && String(content?.text).startsWith('message ')) read += 1;
      before = page.next;
      if (before === undefined) break;
    }
    const { hits } = await client.search({ text: 'lighthouses', limit: 100 });
    return { read, ms: performance.now() - began, heap: performance.memory?.usedJSHeapSize ?? 0, hits: hits.length };
  },
};`;

/** The same in a browser. */
export async function readBackInChromium(t: TestContext, past: LongPast): Promise<void> {
  const { server, ada, id, count } = past;
  const built = await build({
    stdin: { contents: page, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  const browser = await launchChromium(t);
  const tab = await browser.newPage();
  await tab.route(`${server.url}/app/*`, (route) =>
    route.request().url().endsWith('.js')
      ? route.fulfill({ contentType: 'text/javascript', body: built.outputFiles[0]?.text ?? '' })
      : route.fulfill({
          contentType: 'text/html',
          body: '<!doctype html><script type="module" src="/app/main.js"></script>',
        }),
  );
  const inPage = <T>(name: string, argument: unknown = {}): Promise<T> =>
    tab.evaluate(`sotto.${name}(${JSON.stringify(argument)})`);
  await tab.goto(`${server.url}/app/`);
  await tab.waitForFunction('globalThis.sotto');
  await inPage('open', { url: server.url, login: 'ada', password: PASSWORD });
  await tab.waitForFunction('sotto.status() === "unlinked"');
  const before = (await ada.client.encryption.group(id)).devices.length;
  const offer = await inPage<string>('offer');
  const shown = inPage<string>('code');
  const { code } = await ada.client.encryption.linking().accept(offer);
  assert.equal(await shown, code);
  await inPage('confirm');
  await tab.waitForFunction(`sotto.group("${id}").then((devices) => devices === ${before + 1})`);
  const { read, ms, heap, hits } = await inPage<{ read: number; ms: number; heap: number; hits: number }>('readBack', {
    id,
  });
  tell(t, 'Chromium, IndexedDB', read, ms, heap);
  assert.equal(read, count);
  assert.equal(hits, Math.min(100, Math.floor(count / 7)));
}

function tell(t: TestContext, where: string, read: number, ms: number, heap: number): void {
  const [rate, seconds, mb] = [(read / ms) * 1000, ms / 1000, heap / 1e6].map((value) => Math.round(value * 10) / 10);
  t.diagnostic(`${where}: ${read} messages read back in ${seconds} s, ${rate} per second, at most ${mb} MB of heap`);
}
