import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { openNodeSocket } from './socket.ts';

test('a socket to a server that hangs is gone soon after it was closed', { timeout: 15_000 }, async (t) => {
  const server = new WebSocketServer({ port: 0, handleProtocols: ([first]) => first ?? false });
  t.after(() => server.close());
  server.on('connection', (_, { socket }) => socket.pause());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  let begun = 0;
  await new Promise<void>((closed) => {
    const socket = openNodeSocket(`ws://127.0.0.1:${address.port}`, {
      open: () => {
        begun = Date.now();
        socket.close();
      },
      text: () => undefined,
      close: () => closed(),
    });
  });
  assert.ok(Date.now() - begun < 10_000, 'the library itself would wait for 30 s');
  for (const each of server.clients) each.terminate();
});

test('a socket that cannot be opened says why', async () => {
  const reason = await new Promise((resolve) => {
    openNodeSocket('ws://127.0.0.1:9', {
      open: () => undefined,
      text: () => undefined,
      close: (_, why) => resolve(why),
    });
  });
  assert.match(String(reason), /ECONNREFUSED/);
});
