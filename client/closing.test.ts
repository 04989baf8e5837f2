import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from './client.ts';
import { SottoError } from './errors.ts';
import { memoryStore } from './store.ts';
import { World } from './testing/world.ts';

const closed = (error: unknown) => {
  assert.ok(error instanceof SottoError);
  assert.deepEqual([error.code, error.retry], ['closed', 'never']);
  return true;
};

test('a closed client says so to whatever is asked of it, and leaves nothing behind', async () => {
  const world = new World(1);
  const { client, userId } = await world.device();
  const room = world.server.addRoom(userId, world.server.addDevice().userId);
  const waiting = assert.rejects(client.ready(), closed);
  await client.close();
  await waiting;
  await assert.rejects(client.start(), closed);
  await assert.rejects(client.ready(), closed);
  await assert.rejects(client.request('profile.get', {}), closed);
  await assert.rejects(client.login({ login: 'x', password: 'x', deviceName: 'x' }), closed);
  await assert.rejects(client.send(room, { type: 'text', text: 'x' }), closed);
  assert.equal(client.state.is, 'stopped');
  assert.equal(world.clock.pending, 0, 'no timer keeps the program alive');
});

test('who waits to be ready learns why it is not', async () => {
  const world = new World(2);
  const { client } = await world.device({
    openSocket: (_, events) => {
      events.close(1006, 'no way there');
      return { send: () => undefined, close: () => undefined };
    },
  });
  await client.start();
  const waiting = assert.rejects(client.ready(1_000), { code: 'unavailable', message: /no way there/ });
  await world.clock.advance(1_000);
  await waiting;
  await client.close();
});

for (const [code, status, isOver] of [
  ['unauthenticated', 401, true],
  ['token_invalid', 401, true],
  ['token_reuse', 401, true],
  ['internal', 500, false],
] as const)
  test(`a logout that is answered ${code} ${isOver ? 'is one' : 'leaves everything as it was'}`, async () => {
    const world = new World(3);
    const answer = JSON.stringify({ error: { code, message: code } });
    const { client } = await world.device({ fetch: async () => new Response(answer, { status }) });
    await client.start();
    await world.settle(2_000);
    assert.equal(client.state.is, 'ready');
    const logout = client.logout();
    if (isOver) await logout;
    else await assert.rejects(logout, { code });
    assert.equal(client.state.is, isOver ? 'stopped' : 'ready');
    assert.equal((await client.whoAmI()) === undefined, isOver);
    await client.close();
  });

test('a client that could never connect is not made', (t) => {
  const store = memoryStore();
  for (const url of ['', 'chat.example.org', 'ftp://chat.example.org', undefined])
    assert.throws(() => Reflect.apply(createClient, undefined, [{ url, store }]), {
      code: 'bad_request',
      details: { field: 'url' },
    });
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
  t.after(() => descriptor && Object.defineProperty(globalThis, 'WebSocket', descriptor));
  Reflect.deleteProperty(globalThis, 'WebSocket');
  assert.throws(() => createClient({ url: 'https://chat.example.org', store }), {
    code: 'bad_request',
    details: { field: 'openSocket' },
  });
});
