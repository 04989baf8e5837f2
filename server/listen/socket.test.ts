import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type ClientOptions, WebSocket } from 'ws';
import { listen } from './listen.ts';
import type { SocketOptions } from './socket.ts';
import type { SendResult, Socket } from './transport.ts';

/** What happened on the server's side of one socket, in order. */
interface Seen {
  readonly socket: Socket;
  readonly events: string[];
  next(): Promise<string>;
}

interface TestServer extends Disposable {
  readonly reported: unknown[];
  readonly port: number;
  connect(protocols?: string[], options?: ClientOptions): WebSocket;
  accepted(): Promise<Seen>;
}

async function served(
  options: Partial<SocketOptions> = {},
  on: (text: string | null, socket: Socket) => void = () => {},
  trustedProxies: string[] = [],
): Promise<TestServer> {
  const waiting: ((seen: Seen) => void)[] = [];
  const ready: Seen[] = [];
  const reported: unknown[] = [];
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    routes: [],
    origins: ['https://app.example'],
    trustedProxies,
    report: (error) => `log-${reported.push(error)}`,
    socket: {
      path: '/v1/socket',
      maxFrameBytes: 1_000,
      admit: () => undefined,
      accept: (socket) => {
        const events: string[] = [];
        const readers: ((event: string) => void)[] = [];
        let read = 0;
        const add = (event: string): void => {
          events.push(event);
          readers.shift()?.(event);
        };
        const next = (): Promise<string> => {
          const event = events[read];
          read += 1;
          return event === undefined ? new Promise((resolve) => readers.push(resolve)) : Promise.resolve(event);
        };
        const seen = { socket, events, next };
        const waiter = waiting.shift();
        if (waiter === undefined) ready.push(seen);
        else waiter(seen);
        return {
          message: (text, bytes) => {
            add(`message ${text} ${bytes}`);
            on(text, socket);
          },
          drain: () => add('drain'),
          close: (code) => add(`close ${code}`),
        };
      },
      ...options,
    },
  });
  return {
    reported,
    port: listener.port,
    connect: (protocols = [], clientOptions = {}) =>
      new WebSocket(`ws://127.0.0.1:${listener.port}/v1/socket`, protocols, clientOptions),
    accepted: () => {
      const seen = ready.shift();
      return seen === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(seen);
    },
    [Symbol.dispose]: () => listener.close(),
  };
}

async function refusedWith(client: WebSocket): Promise<{ status: number | undefined; retryAfter: string | undefined }> {
  const [, response] = await once(client, 'unexpected-response');
  client.on('error', () => {});
  response.destroy();
  return { status: response.statusCode, retryAfter: response.headers['retry-after'] };
}

test('the subprotocol is answered when offered, and is optional', async () => {
  using server = await served();
  for (const [offered, chosen] of [
    [['sotto.v1'], 'sotto.v1'],
    [['other', 'sotto.v1'], 'sotto.v1'],
    [[], ''],
  ] as const) {
    const client = server.connect([...offered]);
    await once(client, 'open');
    assert.equal(client.protocol, chosen);
    assert.equal(client.extensions, '');
    client.terminate();
  }
});

test('text arrives as text with its size in bytes, binary as null', async () => {
  using server = await served();
  const client = server.connect();
  await once(client, 'open');
  const seen = await server.accepted();
  assert.equal(seen.socket.remoteAddress, '127.0.0.1');
  client.send('grüße');
  client.send(Buffer.from('xyz'));
  assert.deepEqual([await seen.next(), await seen.next()], ['message grüße 7', 'message null 3']);
  client.close(4321, 'bye');
  assert.equal(await seen.next(), 'close 4321');
});

test('frames up to twice the limit still reach the session; beyond that the socket dies', async () => {
  using server = await served();
  const client = server.connect();
  await once(client, 'open');
  const seen = await server.accepted();
  client.send('x'.repeat(2_000));
  assert.match(await seen.next(), /^message x+ 2000$/);
  client.send('x'.repeat(2_001));
  assert.equal(await seen.next(), 'close 1006');
  assert.equal((await once(client, 'close'))[0], 1006);
});

test('of an address that was forwarded, the word of the proxy counts, also in a further line of the header', async () => {
  const asked: string[] = [];
  using server = await served(
    {
      admit: ({ remoteAddress }) => {
        asked.push(remoteAddress);
        return undefined;
      },
    },
    undefined,
    ['127.0.0.0/8'],
  );
  const key = 'dGhlIHNhbXBsZSBub25jZQ==';
  const upgrade = `GET /v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}`;
  for (const forwarded of ['198.51.100.9\r\nX-Forwarded-For: 203.0.113.7', '198.51.100.9, 203.0.113.7']) {
    const client = connect(server.port, '127.0.0.1');
    client.write(`${upgrade}\r\nX-Forwarded-For: ${forwarded}\r\n\r\n`);
    assert.match(String((await once(client, 'data'))[0]), /^HTTP\/1\.1 101 /);
    client.destroy();
  }
  assert.deepEqual(asked, ['203.0.113.7', '203.0.113.7']);
});

test('a socket that is not admitted, or comes from a foreign page, is refused over HTTP', async () => {
  let refusal: ReturnType<SocketOptions['admit']> = { status: 503, retryAfterMs: 2_500 };
  using server = await served({ admit: () => refusal });
  assert.deepEqual(await refusedWith(server.connect()), { status: 503, retryAfter: '3' });
  refusal = undefined;
  assert.deepEqual(await refusedWith(server.connect([], { origin: 'https://evil.example' })), {
    status: 403,
    retryAfter: undefined,
  });
  const allowed = server.connect([], { origin: 'https://app.example' });
  await once(allowed, 'open');
  allowed.terminate();
});

test('an admission that throws refuses one socket and ends nothing', async () => {
  const admit = (): never => {
    throw new Error('broken admission');
  };
  using server = await served({ admit });
  assert.equal((await refusedWith(server.connect())).status, 500);
  assert.equal(server.reported.length, 1);
});

test('send tells sent from queued from dropped, and drain comes until the buffer is empty', async () => {
  using server = await served();
  const client = server.connect();
  await once(client, 'open');
  const seen = await server.accepted();
  client.pause();
  const frame = 'x'.repeat(256 * 1024);
  const results = new Map<SendResult, number>([
    ['sent', 0],
    ['queued', 0],
    ['dropped', 0],
  ]);
  while (results.get('dropped') !== 3) {
    const result = seen.socket.send(frame);
    results.set(result, (results.get(result) ?? 0) + 1);
  }
  assert.ok((results.get('sent') ?? 0) > 0 && (results.get('queued') ?? 0) > 0);
  const waiting = (results.get('queued') ?? 0) * frame.length;
  assert.ok(waiting >= 4 * 1024 * 1024 && waiting < 5 * 1024 * 1024, `${waiting} bytes in the buffer`);
  let received = 0;
  client.on('message', () => {
    received += 1;
  });
  client.resume();
  // The kernel may take the rest in several pieces.
  let taken = (results.get('sent') ?? 0) + (results.get('queued') ?? 0);
  let last: SendResult;
  do {
    assert.equal(await seen.next(), 'drain');
    last = seen.socket.send('last');
    taken += 1;
  } while (last === 'queued');
  assert.equal(last, 'sent');
  while (received < taken) await once(client, 'message');
  client.terminate();
});

test('after the end every call is without effect, also inside the cork that ended it', async () => {
  using server = await served();
  const client = server.connect();
  const closed = once(client, 'close');
  await once(client, 'open');
  const { socket, next } = await server.accepted();
  socket.cork(() => {
    assert.equal(socket.send('one'), 'sent');
    socket.end(4000, 'draining');
    assert.equal(socket.send('two'), 'dropped');
  });
  assert.equal(await next(), 'close 4000');
  const [code, reason] = await closed;
  assert.deepEqual([code, String(reason)], [4000, 'draining']);
  socket.end(4001, 'again');
  socket.cork(() => assert.fail('nothing to write to'));
  assert.equal(socket.send('three'), 'dropped');
});

test('frames sent in one cork arrive in order', async () => {
  using server = await served();
  const client = server.connect();
  const received: string[] = [];
  client.on('message', (data) => received.push(String(data)));
  const { socket } = await server.accepted();
  const frames = Array.from({ length: 100 }, (_, n) => `frame ${n}`);
  socket.cork(() => {
    for (const frame of frames) socket.send(frame);
  });
  while (received.length < frames.length) await once(client, 'message');
  assert.deepEqual(received, frames);
  client.terminate();
});

test('a handler that throws loses its own socket only', async () => {
  using server = await served({}, (text, socket) => {
    if (text === 'bug') throw new Error('broken handler');
    socket.send('fine');
  });
  const unlucky = server.connect();
  const other = server.connect();
  await Promise.all([once(unlucky, 'open'), once(other, 'open')]);
  unlucky.send('bug');
  assert.equal((await once(unlucky, 'close'))[0], 4002);
  other.send('hello');
  assert.equal(String((await once(other, 'message'))[0]), 'fine');
  assert.equal(server.reported.length, 1);
  other.terminate();
});
