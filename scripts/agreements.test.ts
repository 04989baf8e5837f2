import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keys as recordKeys } from '../client/encryption/records.ts';
import { memoryStore, SottoError } from '../client/index.ts';
import { clients, firstPhone, has, meet, phoneOf, start, words } from './testing/encrypted.ts';
import { runServer, until } from './testing/running-server.ts';

const DAY_MS = 86_400_000;

test('how a conversation is kept, against a server process', async (whole) => {
  const server = await runServer(whole, { REQUIRE_MLS: 'true' });

  await whole.test(
    'a wish that nobody could follow is refused at once, and stands in the way of nothing',
    async (t) => {
      const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
      const id = await meet(ada, bob);
      const wrong = (call: unknown, field: string | undefined, code = 'bad_request') =>
        assert.rejects(call as Promise<void>, (error) => {
          assert.ok(error instanceof SottoError);
          assert.deepEqual([error.code, error.details?.field], [code, field]);
          return true;
        });
      const { setExpiry, setSearchOnServer, encryption } = ada.client;
      for (const ms of [1000, 90_000.5, 0, -1, '3600000', Number.NaN, 20 * 365 * DAY_MS]) {
        await wrong(Reflect.apply(setExpiry, undefined, [id, ms]), 'expireAfterMs');
        await wrong(Reflect.apply(encryption.setSettings, undefined, [id, { expireAfterMs: ms }]), 'expireAfterMs');
      }
      await wrong(Reflect.apply(setSearchOnServer, undefined, [id, 'yes']), 'searchOnServer');
      await wrong(Reflect.apply(encryption.setSettings, undefined, [id, { history: 'off' }]), 'history');
      await wrong(encryption.setSettings(id, {}), undefined);
      await wrong(setExpiry('nope', DAY_MS), 'conversationId');
      const nowhere = '0d0f3c5e-7a55-4a0c-8b7d-2f7f2c9f3b21';
      await wrong(setExpiry(nowhere, DAY_MS), undefined, 'not_found');
      await wrong(encryption.setSettings(nowhere, { history: 'strict' }), undefined, 'not_found');
      await setExpiry(id, DAY_MS);
      await setSearchOnServer(id, true);
      const isKept = () => ada.client.conversation(id)?.expireAfterMs === DAY_MS;
      await until(clients(ada), () => isKept() && ada.client.conversation(id)?.searchOnServer === true, 'it is agreed');
      const told = await bob.client.encryption.settings(id);
      assert.deepEqual([told?.expireAfterMs, told?.searchOnServer], [DAY_MS, true]);
    },
  );

  await whole.test('a wish that the server refuses is told, and the next one is not held up by it', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada2'), firstPhone(t, server, 'bob2')]);
    const id = await meet(ada, bob);
    const problems: Error[] = [];
    ada.client.on('problem', (problem) => problems.push(problem));
    await bob.client.request('user.block', { userId: ada.userId });
    await ada.client.setExpiry(id, DAY_MS);
    await until(clients(ada), () => problems.length > 0, 'it is told');
    const [problem] = problems;
    assert.ok(problem instanceof SottoError);
    assert.deepEqual([problem.code, problem.details], ['forbidden', { conversationId: id, expireAfterMs: DAY_MS }]);
    await bob.client.request('user.unblock', { userId: ada.userId });
    await ada.client.setSearchOnServer(id, true);
    await until(clients(ada), () => ada.client.conversation(id)?.searchOnServer === true, 'the server is told');
    assert.equal(ada.client.conversation(id)?.expireAfterMs, null);
  });

  await whole.test('a wish that lost to the word of somebody else holds up no later one', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada3'), firstPhone(t, server, 'bob3')]);
    const id = await meet(ada, bob);
    await Promise.all([ada.client.setExpiry(id, DAY_MS), bob.client.setExpiry(id, 2 * DAY_MS)]);
    const terms = () =>
      Promise.all([ada, bob].map(async ({ client }) => (await client.encryption.settings(id))?.expireAfterMs));
    for (let same = false; !same; await new Promise((resolve) => setImmediate(resolve))) {
      const [one, other] = await terms();
      same = one !== null && one === other && one === ada.client.conversation(id)?.expireAfterMs;
    }
    for (const phone of [ada, bob]) {
      for (const on of [true, false]) {
        await phone.client.setSearchOnServer(id, on);
        await until(clients(ada), () => ada.client.conversation(id)?.searchOnServer === on, 'the server is told');
      }
    }
  });

  await whole.test('a wish from an earlier run that nobody could read is dropped, with a word', async (t) => {
    const store = memoryStore();
    const ada = await firstPhone(t, server, 'ada4', { store });
    const bob = await firstPhone(t, server, 'bob4');
    const id = await meet(ada, bob);
    const kept = await store.list({ prefix: '' });
    await ada.client.close();
    const bad = { clientId: '0d0f3c5e-7a55-4a0c-8b7d-2f7f2c9f3b21', wants: { is: 'settings', expireAfterMs: 1000 } };
    const other = memoryStore();
    await other.write([...kept, { key: recordKeys.controls(id), value: [bad] }]);
    const client = phoneOf(t, server, { store: other });
    const problems: string[] = [];
    client.on('problem', (problem) => problems.push('code' in problem ? String(problem.code) : problem.message));
    const again = await start(client);
    await until(clients(again), () => problems.length > 0, 'it is told');
    assert.deepEqual(problems, ['bad_request']);
    await client.setExpiry(id, DAY_MS);
    await until(clients(again), () => client.conversation(id)?.expireAfterMs === DAY_MS, 'the server is told');
    await client.send(id, words('still here'));
    await has('still here', again, bob);
  });
});
