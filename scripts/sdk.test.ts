import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client, MessageState } from '../client/index.ts';
import { memoryStore } from '../client/index.ts';
import { device, PASSWORD, runServer, signUp, until } from './testing/running-server.ts';

/** Notes what the handler is given, in order. */
function notes(client: Client): string[] {
  const got: string[] = [];
  client.receive((entry) => {
    got.push(`${entry.seq} ${String(entry.content?.text)}`);
  });
  return got;
}

function statesOf(client: Client): Map<string, MessageState> {
  const states = new Map<string, MessageState>();
  client.on('message', ({ clientId, state }) => states.set(clientId, state));
  return states;
}

async function meet(one: Client, other: Client): Promise<string> {
  const them = await other.whoAmI();
  await Promise.all([one.start(), other.start()]);
  await Promise.all([one.ready(), other.ready()]);
  const { conversation } = await one.request('conversation.open', { userId: them?.userId ?? '' });
  await one.send(conversation.id, { type: 'text', text: 'hello' });
  await until([one, other], () => other.conversation(conversation.id) !== undefined, 'the other sees the conversation');
  await other.request('conversation.accept', { conversationId: conversation.id });
  return conversation.id;
}

test('the SDK against a server process', async (whole) => {
  const server = await runServer(whole);

  await whole.test(
    'the server is killed with -9 while two people write: nothing acknowledged is missing, nothing is twice, marks are right',
    async (t) => {
      const [ada, bob] = await Promise.all([signUp(t, server, 'ada'), signUp(t, server, 'bob')]);
      const got = { ada: notes(ada), bob: notes(bob) };
      const states = { ada: statesOf(ada), bob: statesOf(bob) };
      const id = await meet(ada, bob);

      const each = 60;
      const write = async (client: Client, name: string) => {
        for (let n = 1; n <= each; n += 1) await client.send(id, { type: 'text', text: `${name} ${n}` });
      };
      const stored = () => [...states.ada.values(), ...states.bob.values()].filter((state) => 'seq' in state).length;
      const writing = Promise.all([write(ada, 'ada'), write(bob, 'bob')]);
      for (const share of [0.15, 0.5]) {
        await until([ada, bob], () => stored() >= 2 * each * share, `${share} is stored`);
        await server.kill();
        await server.start();
        for (const client of [ada, bob]) client.reconnectNow();
      }
      await writing;
      const total = 2 * each + 1;
      await until([ada, bob], () => got.ada.length >= total && got.bob.length >= total, 'everything has come in');
      bob.read(id, total);
      ada.read(id, total);
      const allRead = () =>
        [states.ada, states.bob].every((own) => [...own.values()].every((state) => state.is === 'read'));
      await until([ada, bob], allRead, 'everything is read');

      const { messages } = await ada.request('message.history', { conversationId: id, after: 0, limit: 200 });
      const rest = await ada.request('message.history', { conversationId: id, after: 200, limit: 200 });
      const log = [...messages, ...rest.messages].map((entry) => entry.seq);
      assert.deepEqual(
        log,
        Array.from({ length: total }, (_, n) => n + 1),
      );
      assert.deepEqual(got.ada, got.bob);
      assert.deepEqual(
        got.ada.map((line) => Number(line.split(' ')[0])),
        log,
      );
      const texts = got.ada.slice(1).map((line) => line.slice(line.indexOf(' ') + 1));
      for (const name of ['ada', 'bob']) {
        const wanted = Array.from({ length: each }, (_, n) => `${name} ${n + 1}`);
        assert.deepEqual(
          texts.filter((text) => text.startsWith(name)),
          wanted,
          'each once, in the order it was sent',
        );
      }
      const { conversation } = await bob.request('conversation.get', { conversationId: id });
      assert.equal(conversation.unread, 0);
      for (const member of conversation.members)
        assert.deepEqual([member.deliveredSeq, member.readSeq], [total, total]);
    },
  );

  await whole.test(
    'what was written without a connection goes out in order when the device starts again',
    async (t) => {
      const store = memoryStore();
      const [ada, bob] = await Promise.all([signUp(t, server, 'ada2', { store }), signUp(t, server, 'bob2')]);
      const got = notes(bob);
      const id = await meet(ada, bob);
      await until([ada, bob], () => got.length === 1, 'the first message is there');
      await server.kill();
      const sent = [];
      for (let n = 1; n <= 5; n += 1) sent.push(await ada.send(id, { type: 'text', text: `later ${n}` }));
      assert.deepEqual(
        ada.outgoing(id).map(({ clientId }) => clientId),
        sent,
      );
      await ada.close();
      await server.start();
      bob.reconnectNow();
      const again = await device(t, server, { store });
      await again.start();
      await until([again, bob], () => got.length === 6, 'they have come');
      assert.deepEqual(
        got.slice(1),
        [1, 2, 3, 4, 5].map((n) => `${n + 1} later ${n}`),
      );
      assert.deepEqual(again.outgoing(id), []);
    },
  );

  await whole.test(
    'a second device of the same user gets what the first one sends, and what it missed while it was away',
    async (t) => {
      const [ada, bob] = await Promise.all([signUp(t, server, 'ada3'), signUp(t, server, 'bob3')]);
      const store = memoryStore();
      const id = await meet(ada, bob);
      const second = await device(t, server, { store });
      const got = notes(second);
      await second.login({ login: 'ada3', password: PASSWORD, deviceName: 'second' });
      await second.start();
      await second.ready();
      await ada.send(id, { type: 'text', text: 'from the first' });
      await until([second], () => got.some((line) => line.endsWith('from the first')), 'the second device has it');
      await second.close();
      await bob.send(id, { type: 'text', text: 'while away' });
      const back = await device(t, server, { store });
      const later = notes(back);
      await back.start();
      await until([back], () => later.length > 0, 'it has come');
      assert.deepEqual(
        later.map((line) => line.slice(2)),
        ['while away'],
      );
    },
  );

  await whole.test('a handler that throws is asked three times, then told, and the device goes on', async (t) => {
    const [ada, bob] = await Promise.all([signUp(t, server, 'ada4'), signUp(t, server, 'bob4')]);
    const seen: string[] = [];
    const failed: string[] = [];
    bob.receive((entry) => {
      seen.push(String(entry.content?.text));
      if (entry.content?.text === 'poison') throw new Error('no stomach for it');
    });
    bob.on('failed', (entry) => failed.push(`${entry.failure?.code}: ${entry.failure?.message}`));
    const states = statesOf(ada);
    const id = await meet(ada, bob);
    await ada.send(id, { type: 'text', text: 'poison' });
    const last = await ada.send(id, { type: 'text', text: 'cure' });
    await until([ada, bob], () => states.get(last)?.is === 'delivered', 'the last one is delivered');
    assert.deepEqual(seen, ['hello', 'poison', 'poison', 'poison', 'cure']);
    assert.deepEqual(failed, ['handler_failed: no stomach for it']);
  });

  await whole.test('a logged-out device is refused, and logs in again as the same device', async (t) => {
    const ada = await signUp(t, server, 'ada5');
    const before = await ada.whoAmI();
    await ada.start();
    await ada.ready();
    await ada.logout();
    await assert.rejects(ada.start(), { code: 'unauthenticated' });
    await ada.login({ login: 'ada5', password: PASSWORD, deviceName: 'test' });
    assert.deepEqual(await ada.whoAmI(), before);
    await ada.start();
    await ada.ready();
  });
});
