import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore } from '../client/index.ts';
import { clients, firstPhone, has, joined, linkPhone, meet, phoneOf, start, words } from './testing/encrypted.ts';
import { readWith } from './testing/read-with.ts';
import { runServer, until } from './testing/running-server.ts';

test('encrypted conversations against a server process', async (whole) => {
  const server = await runServer(whole, { REQUIRE_MLS: 'true' });

  await whole.test('two people talk, and their devices see the same group', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
    const problems: unknown[] = [];
    for (const client of clients(ada, bob)) client.on('problem', (problem) => problems.push(problem));
    const id = await meet(ada, bob);
    await bob.client.send(id, words('hello back'));
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
    await tablet.client.send(id, words('from the tablet'));
    await has('from the tablet', ada, bob, tablet);
    await bob.client.send(id, words('to both of you'));
    await has('to both of you', ada, bob, tablet);
    assert.ok(!tablet.texts().some((line) => line.startsWith('!')), 'nothing failed on the tablet');
    await ada.client.encryption.identities().revoke(tablet.deviceId);
    await bob.client.send(id, words('without the tablet'));
    await has('without the tablet', ada, bob);
    const { devices } = await bob.client.encryption.group(id);
    assert.deepEqual(devices.map(({ deviceId }) => deviceId).sort(), [ada.deviceId, bob.deviceId].sort());
    assert.ok(!tablet.texts().includes('without the tablet'));
  });

  await whole.test(
    'a device is linked, another one revoked and the server killed while somebody is away, and nobody misses anything',
    async (t) => {
      const store = memoryStore();
      const ada = await firstPhone(t, server, 'ada3');
      const bob = await firstPhone(t, server, 'bob3', { store });
      const id = await meet(ada, bob);
      const kept = memoryStore();
      const tablet = await linkPhone(t, server, 'ada3', ada, { store: kept });
      await joined(id, tablet, ada, bob);
      await ada.client.send(id, words('three of us'));
      await has('three of us', ada, bob, tablet);
      await bob.client.close();

      const laptop = await linkPhone(t, server, 'ada3', ada);
      await joined(id, laptop, ada, tablet);
      await ada.client.send(id, words('with the laptop'));
      await has('with the laptop', ada, tablet, laptop);
      const before = tablet.got.at(-1)?.seq ?? 0;
      await ada.client.encryption.identities().revoke(tablet.deviceId);
      await laptop.client.send(id, words('without the tablet'));
      await has('without the tablet', ada, laptop);
      await server.kill();
      const late = ada.client.send(id, words('while the server was down'));
      await server.start();
      await late;
      await has('while the server was down', ada, laptop);

      const again = await start(phoneOf(t, server, { store }));
      await has('while the server was down', again);
      await again.client.send(id, words('I am back'));
      await has('I am back', ada, laptop, again);
      assert.deepEqual(again.texts(), [
        'with the laptop',
        'without the tablet',
        'while the server was down',
        'I am back',
      ]);
      assert.deepEqual(laptop.texts(), again.texts());
      assert.deepEqual(ada.texts(), ['hello', 'three of us', ...again.texts()]);
      assert.deepEqual(tablet.texts().at(-1), 'with the laptop');
      assert.ok((await readWith(kept, ada, id, 0)).includes('with the laptop'), 'what came before it can read again');
      assert.deepEqual(await readWith(kept, ada, id, before), [], 'its keys open nothing that was written later');
      const groups = await Promise.all([ada, laptop, again].map(({ client }) => client.encryption.group(id)));
      assert.equal(new Set(groups.map(({ code }) => code)).size, 1, 'one group');
      assert.ok(!groups.some(({ devices }) => devices.some(({ deviceId }) => deviceId === tablet.deviceId)));
    },
  );

  await whole.test(
    'two devices that renew their keys at once, many times: one line of epochs, and every message is read',
    async (t) => {
      const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada4'), firstPhone(t, server, 'bob4')]);
      const id = await meet(ada, bob);
      const groups = () => Promise.all([ada, bob].map(({ client }) => client.encryption.group(id)));
      const rounds = 25;
      for (let n = 1; n <= rounds; n += 1) {
        const [before] = await groups();
        await Promise.all([
          ada.client.encryption.renew(id),
          bob.client.encryption.renew(id),
          (n % 2 ? ada : bob).client.send(id, words(`round ${n}`)),
        ]);
        await has(`round ${n}`, ada, bob);
        for (let same = false; !same; ) {
          const [one, other] = await groups();
          same = one?.epoch === other?.epoch && (one?.epoch ?? 0) > (before?.epoch ?? 0);
          if (same) assert.equal(one?.code, other?.code);
          // What is on its way gets its turn.
          else await new Promise((resolve) => setImmediate(resolve));
        }
      }
      assert.deepEqual(ada.texts(), bob.texts());
      assert.equal(ada.texts().length, rounds + 1);
      assert.ok(!ada.texts().some((line) => line.startsWith('!')));
      const { messages } = await ada.client.request('message.history', { conversationId: id, after: 0, limit: 200 });
      const epochs = messages.flatMap((entry) => ('mls' in entry ? [] : [entry.epoch]));
      assert.deepEqual(
        epochs,
        epochs.map((_, n) => n + 1),
        'one commit per epoch, without a gap',
      );
    },
  );

  await whole.test(
    'edits, reactions and deletions travel as what they are, and only the author may change a message',
    async (t) => {
      const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada5'), firstPhone(t, server, 'bob5')]);
      const id = await meet(ada, bob);
      const first = ada.got[0];
      assert.ok(first);
      const target = { deviceId: first.senderDeviceId, clientId: first.clientId };
      await bob.client.send(id, { type: 'edit', target, text: 'not mine to change' });
      await assert.rejects(bob.client.edit(id, first.seq, 'nor this'), { code: 'forbidden' });
      await assert.rejects(bob.client.deleteForEveryone(id, first.seq), { code: 'forbidden' });
      await bob.client.react(id, first.seq, '👍');
      await until(clients(ada), () => ada.got.length === 2, 'the reaction came');
      const changed: unknown[] = [];
      bob.client.on('changed', ({ seq, content, reactions, deleted }) =>
        changed.push([seq, content?.text, reactions, deleted]),
      );
      await ada.client.edit(id, first.seq, 'hello, Bob');
      await ada.client.send(id, { ...words('a reply'), replyTo: target });
      await ada.client.deleteForEveryone(id, first.seq);
      await until(
        clients(ada, bob),
        () => [ada, bob].every(({ got }) => got.at(-1)?.content?.type === 'delete'),
        'all of it came',
      );
      assert.deepEqual(
        ada.got.slice(1).map(({ content }) => content),
        [
          { type: 'reaction', target, emoji: '👍', on: true },
          { type: 'edit', target, text: 'hello, Bob' },
          { type: 'text', text: 'a reply', replyTo: target },
          { type: 'delete', target },
        ],
      );
      const thumbs = [{ emoji: '👍', userIds: [bob.userId] }];
      assert.deepEqual(changed.slice(-2), [
        [first.seq, 'hello, Bob', thumbs, undefined],
        [first.seq, undefined, undefined, true],
      ]);
      for (const { client } of [ada, bob]) {
        const { entries } = await client.history(id);
        assert.deepEqual(
          entries.map(({ content, deleted }) => deleted ?? content?.text),
          [true, 'a reply'],
        );
        assert.deepEqual((await client.search({ text: 'hello' })).hits, [], 'it is found no more');
      }
    },
  );

  await whole.test(
    'what cannot be sent is refused before it is kept, and both sides keep the same of the rest',
    async (t) => {
      const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada6'), firstPhone(t, server, 'bob6')]);
      const id = await meet(ada, bob);
      const target = { deviceId: ada.deviceId, clientId: ada.got[0]?.clientId };
      const text = words('x');
      const wrong: [unknown[], string][] = [
        [['nope', text], 'conversationId'],
        [[id, text, { clientId: 'my-own-id' }], 'clientId'],
        [[id, undefined], 'content'],
        [[id, null], 'content'],
        [[id, 'hello'], 'content'],
        [[id, { type: 'text' }], 'content.text'],
        [[id, words('')], 'content.text'],
        [[id, words('x'.repeat(61_000))], 'content.text'],
        [[id, words('\u0001'.repeat(60_000))], 'content'],
        [[id, { type: 'edit', text: 'of nothing' }], 'content.target'],
        [[id, { type: 'reaction', target, emoji: 'x'.repeat(65), on: true }], 'content.emoji'],
        [[id, { type: 'location', lat: 1 }], 'content.type'],
        [[id, { type: 'keys' }], 'content.type'],
      ];
      for (const [input, field] of wrong)
        await assert.rejects(
          async () => Reflect.apply(ada.client.send, undefined, input),
          { code: 'bad_request', details: { field } },
          field,
        );
      await assert.rejects(ada.client.edit(id, 1, ''), { code: 'not_found' });
      const first = ada.got[0]?.seq ?? 0;
      await assert.rejects(ada.client.edit(id, first, ''), { code: 'bad_request' });
      await assert.rejects(ada.client.react(id, first, ''), { code: 'bad_request' });
      assert.deepEqual(ada.client.outgoing(id), []);
      const more = { ...words('with more than is sent'), mentions: ['bob'] };
      await ada.client.send(id.toUpperCase(), more);
      await has('with more than is sent', ada, bob);
      assert.deepEqual(ada.got.at(-1)?.content, words('with more than is sent'));
      assert.deepEqual(ada.got.at(-1)?.content, bob.got.at(-1)?.content);
    },
  );
});
