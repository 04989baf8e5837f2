import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { RequestError } from '../errors.ts';
import { type Listener, type ListenOptions, listen } from './listen.ts';
import type { HttpRequest, HttpResponse, Route } from './transport.ts';

interface TestServer extends Disposable {
  readonly url: string;
  readonly port: number;
  readonly reported: unknown[];
}

async function served(routes: readonly Route[], options: Partial<ListenOptions> = {}): Promise<TestServer> {
  const reported: unknown[] = [];
  const report = (error: unknown): string => `log-${reported.push(error)}`;
  const listener: Listener = await listen({
    host: '127.0.0.1',
    port: 0,
    routes,
    origins: [],
    trustedProxies: [],
    report,
    ...options,
  });
  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    reported,
    [Symbol.dispose]: () => listener.close(),
  };
}

const text = (body: string): HttpResponse => ({ status: 200, body });
const echo: Route = {
  method: 'POST',
  path: '/echo',
  maxBody: 1_000,
  handle: async ({ body }) => ({ status: 200, body }),
};
const codeOf = async (response: Response): Promise<unknown> => {
  const { error } = (await response.json()) as { error: { code: string } };
  return error.code;
};

test('a handler sees method, decoded parameters, query, headers, address and body', async () => {
  const seen: HttpRequest[] = [];
  const handle = async (request: HttpRequest): Promise<HttpResponse> => {
    seen.push(request);
    await new Promise(setImmediate);
    return { status: 201, headers: { 'X-Own': 'yes' }, body: 'made' };
  };
  using server = await served([{ method: 'POST', path: '/things/:kind/:id', maxBody: 100, handle }]);
  const response = await fetch(`${server.url}/things/a%2Fb/%C3%A4?q=1&q=2`, {
    method: 'POST',
    headers: { 'X-One': '1' },
    body: 'bytes',
  });
  assert.deepEqual([response.status, response.headers.get('x-own'), await response.text()], [201, 'yes', 'made']);
  const [request] = seen;
  assert.ok(request);
  assert.deepEqual({ ...request.params }, { kind: 'a/b', id: 'ä' });
  assert.deepEqual(request.query.getAll('q'), ['1', '2']);
  assert.deepEqual(
    [request.method, request.path, request.remoteAddress],
    ['POST', '/things/a%2Fb/%C3%A4', '127.0.0.1'],
  );
  assert.equal(request.headers.get('x-one'), '1');
  assert.equal(Buffer.from(request.body).toString(), 'bytes');
});

test('unknown paths, wrong methods and bad percent encoding are named', async () => {
  using server = await served([echo, { method: 'GET', path: '/by/:id', maxBody: 0, handle: async () => text('ok') }]);
  const missing = await fetch(`${server.url}/nothing`);
  assert.deepEqual([missing.status, await codeOf(missing)], [404, 'not_found']);
  const wrong = await fetch(`${server.url}/echo`);
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST']);
  const encoded = await fetch(`${server.url}/by/%E0%A4%A`);
  assert.deepEqual([encoded.status, await codeOf(encoded)], [400, 'bad_request']);
});

test('a body up to the limit passes, a larger one is refused, announced or streamed', async () => {
  using server = await served([echo]);
  const whole = await fetch(`${server.url}/echo`, { method: 'POST', body: 'x'.repeat(1_000) });
  assert.equal((await whole.text()).length, 1_000);
  const announced = await fetch(`${server.url}/echo`, { method: 'POST', body: 'x'.repeat(1_001) });
  assert.deepEqual([announced.status, await codeOf(announced)], [413, 'too_large']);
  const socket = connect(server.port, '127.0.0.1');
  socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  socket.write(`3e8\r\n${'x'.repeat(1_000)}\r\n3e8\r\n${'x'.repeat(1_000)}\r\n`);
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 413 /);
  socket.destroy();
});

test('an empty body arrives as no bytes', async () => {
  using server = await served([echo]);
  const response = await fetch(`${server.url}/echo`, { method: 'POST' });
  assert.deepEqual([response.status, await response.text()], [200, '']);
});

test('a body that drips is given up, and no handler runs', async () => {
  let handled = 0;
  const count: Route = { ...echo, handle: async () => text(String(++handled)) };
  using server = await served([count], { bodyWithinMs: 200 });
  const socket = connect(server.port, '127.0.0.1');
  socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n');
  const drip = setInterval(() => socket.write('x'), 20);
  const [answer] = await once(socket, 'data');
  clearInterval(drip);
  assert.match(String(answer), /^HTTP\/1\.1 408 /);
  assert.equal(handled, 0);
  socket.destroy();
});

test('a client that leaves in the middle of its body harms nobody, and no handler runs', async () => {
  let handled = 0;
  const count: Route = { ...echo, handle: async () => text(String(++handled)) };
  using server = await served([count]);
  const socket = connect(server.port, '127.0.0.1');
  socket.write('POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nhalf');
  await once(socket, 'connect');
  socket.resetAndDestroy();
  const response = await fetch(`${server.url}/echo`, { method: 'POST', body: 'whole' });
  assert.equal(await response.text(), '1');
});

test('a client that leaves while its handler works ends nothing, and the late answer is dropped', async () => {
  let begun = (): void => {};
  const atWork = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let answerNow = (): void => {};
  const late = new Promise<void>((resolve) => {
    answerNow = resolve;
  });
  const slow = async (): Promise<HttpResponse> => {
    begun();
    await late;
    return text('too late');
  };
  using server = await served([{ method: 'GET', path: '/slow', maxBody: 0, handle: slow }, echo]);
  const leaving = new AbortController();
  const request = fetch(`${server.url}/slow`, { signal: leaving.signal });
  await atWork;
  leaving.abort();
  await assert.rejects(request);
  // The server hears of these after it heard of the leaving.
  const echoed = async () => (await fetch(`${server.url}/echo`, { method: 'POST', body: 'x' })).status;
  assert.equal(await echoed(), 200);
  answerNow();
  assert.equal(await echoed(), 200);
  assert.deepEqual(server.reported, []);
});

test('what a handler throws is an answer: a refusal as it is, anything else as internal with its log id', async () => {
  const refusing = async (): Promise<HttpResponse> => {
    throw new RequestError('rate_limited', { retryAfterMs: 1_500, details: { bucket: 'login' } });
  };
  const broken = (): Promise<HttpResponse> => {
    throw new TypeError('a secret is not a function');
  };
  using server = await served([
    { method: 'GET', path: '/refusing', maxBody: 0, handle: refusing },
    { method: 'GET', path: '/broken', maxBody: 0, handle: broken },
  ]);
  const refused = await fetch(`${server.url}/refusing`);
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '2']);
  assert.deepEqual(await refused.json(), {
    error: {
      code: 'rate_limited',
      message: 'Too many requests; wait before the next one.',
      retryAfterMs: 1_500,
      details: { bucket: 'login' },
    },
  });
  const failed = await fetch(`${server.url}/broken`);
  const body = await failed.text();
  assert.equal(failed.status, 500);
  assert.match(body, /"code":"internal".*"logId":"log-1"/);
  assert.doesNotMatch(body, /secret/);
  assert.ok(server.reported[0] instanceof TypeError);
});

test('only allowed origins may call, and programs without an origin always', async () => {
  const get: Route = { method: 'GET', path: '/v1/x', maxBody: 0, handle: async () => text('ok') };
  using server = await served([get], { origins: ['https://app.example'] });
  const from = (origin: string, method = 'GET') => fetch(`${server.url}/v1/x`, { method, headers: { Origin: origin } });
  assert.equal((await fetch(`${server.url}/v1/x`)).headers.get('access-control-allow-origin'), null);
  const allowed = await from('https://app.example');
  assert.deepEqual(
    [allowed.status, allowed.headers.get('access-control-allow-origin'), allowed.headers.get('vary')],
    [200, 'https://app.example', 'Origin'],
  );
  const preflight = await from('https://app.example', 'OPTIONS');
  assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-methods')], [204, 'GET']);
  for (const origin of ['https://evil.example', 'null', 'https://app.example.evil.example']) {
    const refused = await from(origin);
    assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [403, null]);
  }
});

test('an answer without a body says nothing of a length', async () => {
  const gone: Route = { method: 'GET', path: '/v1/x', maxBody: 0, handle: async () => ({ status: 204 }) };
  using server = await served([gone]);
  const answer = await fetch(`${server.url}/v1/x`);
  assert.deepEqual([answer.status, answer.headers.get('content-length')], [204, null]);
});

test('HEAD is answered as GET, without the body, and so is any refusal of it', async () => {
  using server = await served([
    { method: 'GET', path: '/v1/x', maxBody: 0, handle: async () => text('twelve bytes') },
    echo,
  ]);
  const ask = async (path: string): Promise<[number, string | undefined, string | undefined]> => {
    const socket = connect(server.port, '127.0.0.1');
    socket.end(`HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    let came = '';
    for await (const chunk of socket.setEncoding('utf8')) came += chunk;
    const [head = '', body] = came.split('\r\n\r\n');
    return [Number(head.slice(9, 12)), /Content-Length: (\d+)/i.exec(head)?.[1], body];
  };
  assert.deepEqual(await ask('/v1/x'), [200, '12', '']);
  assert.equal((await ask('/echo'))[2], '');
  assert.deepEqual((await ask('/nothing'))[0], 404);
  assert.equal((await fetch(`${server.url}/v1/x`, { method: 'POST' })).headers.get('allow'), 'GET, HEAD');
});

test('the forwarded address is believed from trusted proxies only', async () => {
  const who: Route = {
    method: 'GET',
    path: '/who',
    maxBody: 0,
    handle: async ({ remoteAddress }) => text(remoteAddress),
  };
  const headers = { 'X-Forwarded-For': '198.51.100.7' };
  using plain = await served([who]);
  assert.equal(await (await fetch(`${plain.url}/who`, { headers })).text(), '127.0.0.1');
  using behind = await served([who], { trustedProxies: ['127.0.0.0/8'] });
  assert.equal(await (await fetch(`${behind.url}/who`, { headers })).text(), '198.51.100.7');
});

test('requests at once are bounded', async () => {
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let inside = 0;
  let full = (): void => {};
  const allInside = new Promise<void>((resolve) => {
    full = resolve;
  });
  const handle = async (): Promise<HttpResponse> => {
    inside += 1;
    if (inside === 1_024) full();
    await gate;
    return text('ok');
  };
  using server = await served([{ method: 'GET', path: '/wait', maxBody: 0, handle }]);
  // Raw connections: an HTTP client would put requests in line.
  const sockets = Array.from({ length: 1_024 }, () => connect(server.port, '127.0.0.1'));
  for (const socket of sockets) socket.write('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n');
  await allInside;
  const refused = await fetch(`${server.url}/wait`);
  assert.deepEqual([refused.status, await codeOf(refused)], [503, 'unavailable']);
  release();
  for (const socket of sockets) {
    if (socket.readableLength === 0) await once(socket, 'readable');
    assert.match(String(socket.read()), /^HTTP\/1\.1 200 /);
    socket.destroy();
  }
  assert.equal((await fetch(`${server.url}/wait`)).status, 200);
});

test('bodies that drip from one address hold up nobody else, nor what needs no body', async () => {
  using server = await served([echo, { method: 'GET', path: '/well', maxBody: 0, handle: async () => text('ok') }], {
    trustedProxies: ['127.0.0.0/8'],
  });
  const drips = await Promise.all(
    Array.from({ length: 64 }, async () => {
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(
        'POST /echo HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.7\r\nContent-Length: 900\r\n\r\nfirst',
      );
      return socket;
    }),
  );
  const send = (from: string) =>
    fetch(`${server.url}/echo`, { method: 'POST', body: 'bytes', headers: { 'X-Forwarded-For': from } });
  let refused = await send('203.0.113.7');
  // Until the last of them has been read.
  while (refused.status === 200) refused = await send('203.0.113.7');
  assert.deepEqual([refused.status, await codeOf(refused)], [503, 'unavailable']);
  assert.equal((await send('203.0.113.8')).status, 200);
  assert.equal((await fetch(`${server.url}/well`, { headers: { 'X-Forwarded-For': '203.0.113.7' } })).status, 200);
  for (const socket of drips) socket.destroy();
  while ((await send('203.0.113.7')).status !== 200);
});

test('few requests with large bodies are taken at once, and small ones beside them', async () => {
  let started = 0;
  let begun = (): void => {};
  const all = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const handle = async (): Promise<HttpResponse> => {
    started += 1;
    if (started === 4) begun();
    await released;
    return text('done');
  };
  using server = await served([{ method: 'POST', path: '/large', maxBody: 2 * 1024 * 1024, handle }, echo]);
  const send = (path: string): Promise<Response> => fetch(server.url + path, { method: 'POST', body: 'bytes' });
  const held = Array.from({ length: 4 }, () => send('/large'));
  await all;
  const refused = await send('/large');
  assert.deepEqual([refused.status, await codeOf(refused)], [503, 'unavailable']);
  assert.equal((await send('/echo')).status, 200);
  release();
  for (const response of await Promise.all(held)) assert.equal(await response.text(), 'done');
  assert.equal((await send('/large')).status, 200);
});
