import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { freePort } from '../embedded/port.ts';
import { ListenError, type Listener, type ListenOptions, listen } from './listen.ts';

function opened(options: Partial<ListenOptions>): Promise<Listener> {
  const ping = {
    method: 'GET',
    path: '/ping',
    maxBody: 0,
    handle: async () => ({ status: 200, body: 'pong' }),
  } as const;
  return listen({
    host: '127.0.0.1',
    port: 0,
    routes: [ping],
    origins: [],
    trustedProxies: [],
    report: () => '',
    ...options,
  });
}

test('a second server on the same port is refused with a sentence that says what to do', async () => {
  const first = await opened({});
  const taken = (error: unknown) =>
    error instanceof ListenError &&
    error.message.includes(`${first.port} of 127.0.0.1 is taken`) &&
    error.message.includes('PORT');
  await assert.rejects(opened({ port: first.port }), taken);
  await assert.rejects(opened({ port: first.port, sharePort: true }), taken);
  first.close();
  const second = await opened({ port: first.port });
  assert.equal(await (await fetch(`http://127.0.0.1:${first.port}/ping`)).text(), 'pong');
  second.close();
});

test('servers that share may take the same port', async () => {
  const port = await freePort();
  const first = await opened({ sharePort: true, port });
  const second = await opened({ sharePort: true, port });
  first.close();
  assert.equal(await (await fetch(`http://127.0.0.1:${second.port}/ping`)).text(), 'pong');
  second.close();
});

test('an address that is not of this machine is refused with a sentence', async () => {
  await assert.rejects(opened({ host: '192.0.2.1', port: 18_080 }), /192\.0\.2\.1 is no address of this machine.*HOST/);
});

test('after it stopped accepting, connections that are there live on and new ones are refused', async (t) => {
  const listener = await opened({});
  t.after(() => listener.close());
  const socket = connect(listener.port, '127.0.0.1');
  const ask = async (): Promise<string> => {
    socket.write('GET /ping HTTP/1.1\r\nHost: x\r\n\r\n');
    return String((await once(socket, 'data'))[0]);
  };
  assert.match(await ask(), /pong$/);
  listener.stopAccepting();
  listener.stopAccepting();
  assert.match(await ask(), /pong$/);
  await assert.rejects(fetch(`http://127.0.0.1:${listener.port}/ping`));
  const closed = once(socket, 'close');
  listener.close();
  await closed;
});
