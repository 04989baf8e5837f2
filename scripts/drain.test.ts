import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { openNodeSocket } from '../client/node/socket.ts';
import { socketUrl } from '../client/socket.ts';
import { testDatabase } from '../server/testing/database.ts';
import { eventually } from '../server/testing/eventually.ts';
import { testProxy } from '../server/testing/proxy.ts';
import { startFleet } from './testing/fleet.ts';

test('a server that is told to end says so to balancers and clients at once, and ends at a second signal whatever it waits for', async (t) => {
  await using database = await testDatabase();
  const url = new URL(database.url);
  await using proxy = await testProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  const fleet = await startFleet(t, 1, { url: url.href, sql: database.sql }, { env: { SHUTDOWN_GRACE_MS: '60000' } });
  const [server] = fleet.instances;
  assert.ok(server);
  const { accessToken } = await fleet.person();
  const heard: string[] = [];
  const socket = openNodeSocket(socketUrl(server.url), {
    open: () => socket.send(JSON.stringify({ id: 1, type: 'hello', body: { token: accessToken } })),
    text: (text) => void heard.push(text),
    close: () => undefined,
  });
  await eventually(async () => heard.some((text) => text.includes('sync.done')), 'it is in sync');

  // A request that a database which hangs keeps from being answered.
  proxy.freeze();
  const body = { conversationId: randomUUID(), clientId: randomUUID(), epoch: 0, mls: 'QUJD' };
  socket.send(JSON.stringify({ id: 2, type: 'message.send', body }));
  const code = server.stop();
  await eventually(async () => heard.some((text) => text.includes('session.ending')), 'the client is told');
  const told = heard.find((text) => text.includes('session.ending')) ?? '';
  assert.match(told, /"reason":"draining"/);
  assert.ok(Number(/"reconnectAfterMs":(\d+)/.exec(told)?.[1]) >= 100);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 503);

  // One that comes within a second of the first is the same Ctrl-C, passed on by npm.
  const signals = setInterval(() => void server.stop(), 400);
  assert.equal(await code, 143);
  clearInterval(signals);
});
