import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstPhone, linkPhone, type Phone } from './testing/encrypted.ts';
import { runServer, until } from './testing/running-server.ts';

const text = (words: string) => ({ type: 'text', text: words });
const clients = (...phones: Phone[]) => phones.map(({ client }) => client);
const has = (words: string, ...phones: Phone[]) =>
  until(
    clients(...phones),
    () => phones.every((phone) => phone.texts().includes(words)),
    `everyone reads "${words}"`,
    20_000,
  );

async function meet(one: Phone, other: Phone): Promise<string> {
  const { conversation } = await one.client.request('conversation.open', { userId: other.userId });
  await one.client.send(conversation.id, text('hello'));
  await has('hello', one, other);
  await other.client.request('conversation.accept', { conversationId: conversation.id });
  return conversation.id;
}

test('encrypted conversations against a server process', async (whole) => {
  const server = await runServer(whole, { REQUIRE_MLS: 'true' });

  await whole.test('two people talk, and their devices see the same group', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
    const problems: unknown[] = [];
    for (const client of clients(ada, bob)) client.on('problem', (problem) => problems.push(problem));
    const id = await meet(ada, bob);
    await bob.client.send(id, text('hello back'));
    await has('hello back', ada, bob);
    const [seenByAda, seenByBob] = await Promise.all([
      ada.client.encryption.group(id),
      bob.client.encryption.group(id),
    ]);
    assert.deepEqual(seenByAda, seenByBob);
    assert.deepEqual(seenByAda.devices.map(({ deviceId }) => deviceId).sort(), [ada.deviceId, bob.deviceId].sort());
    assert.equal(
      await ada.client.encryption.identities().safetyNumber(bob.userId),
      await bob.client.encryption.identities().safetyNumber(ada.userId),
    );
    assert.deepEqual(problems, []);
  });

  await whole.test('a linked device joins without the other side doing anything, and all three talk', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada2'), firstPhone(t, server, 'bob2')]);
    const id = await meet(ada, bob);
    const tablet = await linkPhone(t, server, 'ada2', ada);
    await until(
      clients(tablet),
      () => tablet.client.conversation(id) !== undefined,
      'the tablet sees the conversation',
    );
    await tablet.client.send(id, text('from the tablet'));
    await has('from the tablet', ada, bob, tablet);
    await bob.client.send(id, text('to both of you'));
    await has('to both of you', ada, bob, tablet);
    assert.ok(!tablet.texts().some((line) => line.startsWith('!')), 'nothing failed on the tablet');
    await ada.client.encryption.identities().revoke(tablet.deviceId);
    await bob.client.send(id, text('without the tablet'));
    await has('without the tablet', ada, bob);
    const { devices } = await bob.client.encryption.group(id);
    assert.deepEqual(devices.map(({ deviceId }) => deviceId).sort(), [ada.deviceId, bob.deviceId].sort());
    assert.ok(!tablet.texts().includes('without the tablet'));
  });
});
