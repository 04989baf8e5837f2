import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { firstPhone, has, joined, type Phone, words } from './testing/encrypted.ts';
import { PASSWORD, runServer } from './testing/running-server.ts';

const pathOf = (file: string) => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)));

/** Runs in the page: a device that logs in, keeps its keys in IndexedDB and talks. */
const entry = `
import { createEncryptedClient } from ${pathOf('../client/index.js')};
import { openIndexedDbStore } from ${pathOf('../client/browser/indexeddb-store.js')};
let client;
const texts = [];
globalThis.sotto = {
  texts: () => texts,
  status: () => client.encryption.status,
  group: (id) => client.encryption.group(id),
  async open({ url, name }) {
    client = createEncryptedClient({ url, store: await openIndexedDbStore(name) });
    client.receive(({ content, failure }) => void texts.push(failure ? '! ' + failure.message : content.text));
    globalThis.whoAmI = () => client.whoAmI();
  },
  login: (input) => client.login(input),
  async start() { await client.start(); await client.ready(); },
  send: ({ id, text }) => client.send(id, { type: 'text', text }),
  offer: async () => (await client.encryption.linking().offer()).text,
  code: () => new Promise((resolve) => client.encryption.on('link', ({ code }) => resolve(code))),
  confirm: () => client.encryption.linking().confirm(),
  close: () => client.close(),
};`;

const find = (): string =>
  spawnSync(
    'sh',
    ['-c', 'for name in "$CHROMIUM" chromium chromium-browser google-chrome; do command -v "$name" && break; done'],
    {
      encoding: 'utf8',
    },
  ).stdout.trim();

test('a browser is linked as a second device, talks with devices in Node, and keeps its keys across a reload', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const built = await build({
    stdin: { contents: entry, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  const executablePath = find();
  if (!executablePath) throw new Error('The browser tests need Chromium: install it, or name it in CHROMIUM.');
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-features=LocalNetworkAccessChecks'],
  });
  t.after(() => browser.close());
  const page = await browser.newPage();
  // The application comes from the server's own address; the browser takes what a route answers for a page from afar.
  await page.route(`${server.url}/app/*`, (route) =>
    route.request().url().endsWith('.js')
      ? route.fulfill({ contentType: 'text/javascript', body: built.outputFiles[0]?.text ?? '' })
      : route.fulfill({
          contentType: 'text/html',
          body: '<!doctype html><script type="module" src="/app/main.js"></script>',
        }),
  );
  const inPage = <T>(name: string, argument: unknown = {}): Promise<T> =>
    page.evaluate(`sotto.${name}(${JSON.stringify(argument)})`);
  const open = async () => {
    await page.goto(`${server.url}/app/`);
    await page.waitForFunction('globalThis.sotto');
    await inPage('open', { url: server.url, name: 'ada' });
  };
  const shows = (text: string) => page.waitForFunction(`sotto.texts().includes(${JSON.stringify(text)})`);

  const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
  await open();
  await inPage('login', { login: 'ada', password: PASSWORD, deviceName: 'browser' });
  await inPage('start');
  await page.waitForFunction('sotto.status() === "unlinked"');
  const offer = await inPage<string>('offer');
  const shown = inPage<string>('code');
  const { code, deviceId } = await ada.client.encryption.linking().accept(offer);
  assert.equal(await shown, code);
  await inPage('confirm');
  await page.waitForFunction('sotto.status() === "ready"');

  const { conversation } = await ada.client.request('conversation.open', { userId: bob.userId });
  const { id } = conversation;
  await ada.client.send(id, words('hello'));
  await has('hello', ada, bob);
  const isIn = (phone: Phone) => joined(id, { ...phone, deviceId });
  await Promise.all([isIn(ada), isIn(bob)]);
  await bob.client.send(id, words('to the browser'));
  await shows('to the browser');
  await inPage('send', { id, text: 'from the browser' });
  await has('from the browser', ada, bob);

  await inPage('close');
  await bob.client.send(id, words('while it was closed'));
  await open();
  await inPage('start');
  await shows('while it was closed');
  await inPage('send', { id, text: 'with the same keys' });
  await has('with the same keys', ada, bob);
  const [here, there] = [await ada.client.encryption.group(id), await inPage<{ code: string }>('group', id)];
  assert.equal(there.code, here.code);
  assert.deepEqual(await inPage('texts'), ['while it was closed', 'with the same keys']);
});
