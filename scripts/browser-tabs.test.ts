import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHttp } from '../client/index.ts';
import { type AppPage, browserApp, modulePath } from './testing/browser-app.ts';
import { firstPhone, has, words } from './testing/encrypted.ts';
import { PASSWORD, runServer } from './testing/running-server.ts';

/** Runs in each page: a tab that goes through whichever leads. */
const program = `
import { createEncryptedClient } from ${modulePath('../../client/index.js')};
import { openIndexedDbStore } from ${modulePath('../../client/browser/indexeddb-store.js')};
import { openTabClient } from ${modulePath('../../client/browser/tabs.js')};
let tab;
const texts = [];
const problems = [];
globalThis.sotto = {
  texts: () => texts,
  problems: () => problems,
  leading: () => tab.leading,
  async open(url) {
    tab = await openTabClient({
      name: 'ada',
      open: async () => createEncryptedClient({ url, store: await openIndexedDbStore('ada') }),
    });
    tab.receive(({ content, failure }) => void texts.push(failure ? '! ' + failure.message : content.text));
    tab.on('problem', (problem) => problems.push(problem.message));
  },
  login: (input) => tab.login(input),
  async start() { await tab.start(); await tab.ready(); },
  async registered() { while ((await tab.encryptionStatus()) !== 'ready') await new Promise((resolve) => setTimeout(resolve, 20)); },
  openWith: async (name) => (await tab.open(name)).id,
  send: ({ id, text }) => tab.send(id, { type: 'text', text }),
  sent: [],
  sendMany({ id, texts }) {
    for (const text of texts) tab.send(id, { type: 'text', text }).then(() => sotto.sent.push(text), (error) => sotto.sent.push('! ' + error.message));
  },
  refused: () => tab.open('nobody_of_this_name').then(() => 'opened', ({ code }) => code),
  misread: () => tab.acceptLink('no offer').then(() => 'accepted', ({ name, code, retry }) => [name, code, retry]),
  past: async (id) => (await tab.history(id)).entries.map(({ content }) => content?.text),
  found: async (text) => (await tab.search({ text })).hits.length,
  group: (id) => tab.group(id),
  close: () => tab.close(),
};`;

const many = (what: string): string[] => Array.from({ length: 8 }, (_, n) => `${what} ${n}`);

test('tabs share one client: when the one that leads dies or closes another goes on, and nothing is lost or doubled', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const newPage = await browserApp(t, server, program);
  const http = createHttp({ url: server.url });
  await http.register({ username: 'ada', email: 'ada@example.org', password: PASSWORD });
  const link = new URL(await server.mailedLink('ada@example.org'));
  await http.verifyEmail(link.searchParams.get('token') ?? '');
  const bob = await firstPhone(t, server, 'bob');

  const tab = async (): Promise<AppPage> => {
    const app = await newPage();
    await app.open();
    await app.call('open', server.url);
    return app;
  };
  const shows = (app: AppPage, text: string) => app.until(`sotto.texts().includes(${JSON.stringify(text)})`);
  const texts = (app: AppPage): Promise<string[]> => app.call('texts');

  const first = await tab();
  await first.until('sotto.leading()');
  await first.call('login', { login: 'ada', password: PASSWORD, deviceName: 'browser' });
  await first.call('start');
  const second = await tab();
  await second.call('start');
  await second.call('registered');
  assert.equal(await second.call('leading'), false);

  const id = await second.call<string>('openWith', 'bob');
  assert.equal(await second.call('refused'), 'not_found', 'with the code of the error');
  assert.deepEqual(await second.call('misread'), ['E2eeError', 'malformed', 'changed'], 'also of the encryption');
  await second.call('send', { id, text: 'through the other tab' });
  await has('through the other tab', bob);
  await bob.client.request('conversation.accept', { conversationId: id });
  await bob.client.send(id, words('to both'));
  await Promise.all([first, second].map((app) => shows(app, 'to both')));

  // The leading tab dies with sends of the other one under way, and while messages come in.
  await second.call('sendMany', { id, texts: many('under way') });
  const dying = first.page.close();
  for (const text of many('meanwhile')) await bob.client.send(id, words(text));
  await dying;
  await second.until('sotto.leading()');
  await second.until('sotto.sent.length === 8');
  assert.deepEqual(
    (await second.call<string[]>('texts')).filter((text) => text.startsWith('!')),
    [],
  );
  for (const text of many('under way')) await has(text, bob);
  await shows(second, 'meanwhile 7');
  await shows(second, 'under way 7');

  const third = await tab();
  await third.call('start');
  await second.call('close');
  await third.until('sotto.leading()');
  await bob.client.send(id, words('to the last one'));
  await shows(third, 'to the last one');
  await third.call('send', { id, text: 'from the last one' });
  await has('from the last one', bob);

  const all = ['through the other tab', 'to both', ...many('under way'), ...many('meanwhile')];
  assert.deepEqual((await texts(second)).toSorted(), all.toSorted(), 'each once');
  assert.deepEqual(bob.texts().toSorted(), [...all, 'to the last one', 'from the last one'].toSorted(), 'each once');
  for (const what of ['under way', 'meanwhile'])
    assert.deepEqual(
      (await texts(second)).filter((text) => text.startsWith(what)),
      many(what),
      'in order',
    );
  assert.deepEqual(await texts(third), ['to the last one', 'from the last one']);
  assert.deepEqual(await third.call('past', id), bob.texts(), 'the store went from tab to tab');
  assert.equal(await third.call('found', 'meanwhile'), 8);
  const [here, there] = [await bob.client.encryption.group(id), await third.call<{ code: string }>('group', id)];
  assert.equal(there.code, here.code);
  for (const app of [second, third]) assert.deepEqual(await app.call('problems'), []);
});
