import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SearchInput } from '../client/index.ts';
import { clients, firstPhone, has, joined, linkPhone, meet, type Phone, words } from './testing/encrypted.ts';
import { runServer, until } from './testing/running-server.ts';

const found = async ({ client }: Phone, input: SearchInput) => {
  const { hits, remote } = await client.search(input);
  return [remote, ...hits.map(({ entry }) => entry.content?.text)];
};

async function agree(id: string, on: boolean, ...phones: Phone[]): Promise<void> {
  await phones[0]?.client.setSearchOnServer(id, on);
  const isAgreed = ({ client }: Phone) => client.conversation(id)?.searchOnServer === on;
  await until(clients(...phones), () => phones.every(isAgreed), `everyone knows that it is ${on}`);
}

test('one search finds what this device holds and what the server finds blindly, and verifies each hit', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
  const id = await meet(ada, bob);
  const send = async (phone: Phone, text: string) => {
    await phone.client.send(id, words(text));
    await has(text, ada, bob);
  };
  await send(ada, 'an early oak without tags');
  assert.equal((await ada.client.search({ text: 'oak' })).remote, 'none', 'off by default');
  await agree(id, true, ada, bob);
  await send(ada, 'the treasure is under the third oak');
  await send(bob, 'third of the willows, not the oaks');
  await send(bob, 'what grew here was a willow');
  await send(ada, 'a typo: the tresure is gone');
  await send(ada, 'the treasure is a lie');
  const seqOf = (text: string) => ada.got.find(({ content }) => content?.text === text)?.seq ?? 0;
  await ada.client.edit(id, seqOf('a typo: the tresure is gone'), 'the treasure is gone');
  await ada.client.deleteForEveryone(id, seqOf('the treasure is a lie'));
  const tagged = async () =>
    (await server.sql`select seq from message_search where conversation_id = ${id} order by seq`).length;
  for (let last = -1; last !== 5; last = await tagged()) await new Promise((resolve) => setImmediate(resolve));

  const tablet = await linkPhone(t, server, 'ada', ada);
  await joined(id, tablet, ada, bob);
  const isTold = async () => (await tablet.client.encryption.settings(id))?.searchOnServer === true;
  while (!(await isTold())) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await found(tablet, { text: 'Third OAK' }), ['included', 'the treasure is under the third oak']);
  assert.deepEqual(await found(tablet, { text: '"oak third"' }), ['included'], 'both words, in another order');
  const treasure = ['the treasure is gone', 'the treasure is under the third oak'];
  assert.deepEqual(await found(tablet, { text: 'treasure' }), ['included', ...treasure], 'by its new words');
  assert.deepEqual(await found(tablet, { text: 'tresure' }), ['included'], 'and not by its old ones');
  const first = await tablet.client.search({ text: 'treasure', limit: 1 });
  assert.ok(first.cursor);
  assert.deepEqual(await found(tablet, { text: 'treasure', limit: 1, cursor: first.cursor }), [
    'included',
    treasure[1],
  ]);
  assert.deepEqual(await found(tablet, { text: 'willow', from: bob.userId, conversationId: id }), [
    'included',
    'what grew here was a willow',
  ]);
  assert.equal((await found(tablet, { from: bob.userId })).length, 3, 'who wrote when needs no tags');
  assert.deepEqual(await found(ada, { text: 'early oak' }), ['included', 'an early oak without tags']);

  await agree(id, false, bob, ada, tablet);
  assert.equal(await tagged(), 0, 'the server has dropped them');
  assert.deepEqual(await found(tablet, { text: 'third oak' }), ['none', 'the treasure is under the third oak']);
  await send(bob, 'sent without tags');
  await bob.client.encryption.setSettings(id, { searchOnServer: true });
  const isOn = ({ client }: Phone) => client.conversation(id)?.searchOnServer === true;
  await until(clients(ada, bob, tablet), () => [ada, bob, tablet].every(isOn), 'the server is told in either way');
  await ada.client.setExpiry(id, 3_600_000);
  const isTermed = ({ client }: Phone) => client.conversation(id)?.expireAfterMs === 3_600_000;
  await until(clients(ada, bob), () => [ada, bob].every(isTermed), 'the server and everyone know the term');
  assert.equal((await bob.client.encryption.settings(id))?.expireAfterMs, 3_600_000, 'by the word of a member');
  await server.kill();
  await until([tablet.client], () => tablet.client.state.is !== 'ready', 'the connection broke');
  assert.deepEqual(await found(tablet, { text: 'treasure' }), ['unavailable', ...treasure]);
});
