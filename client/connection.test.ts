import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reply } from '../protocol/index.ts';
import { Connection, type ConnectionState } from './connection.ts';
import { SottoError } from './errors.ts';
import type { ServerEvent } from './requests.ts';
import { quiet, SimClock } from './testing/sim-clock.ts';
import { type ServerEnd, SimNetwork } from './testing/sim-network.ts';
import type { TokenSource } from './tokens.ts';

const greeting: Reply<'hello'> = {
  userId: '00000000-0000-4000-8000-000000000001',
  deviceId: '00000000-0000-4000-8000-000000000002',
  protocol: 1,
  serverTime: '2026-01-01T00:00:00.000Z',
  logId: '00000000-0000-4000-8000-000000000003',
  limits: {
    maxFrameBytes: 163_840,
    maxInFlight: 2,
    windowEntries: 256,
    windowBytes: 1_048_576,
    pingEveryMs: 25_000,
    maxContentBytes: 65_536,
  },
};

interface Frame {
  readonly id: number;
  readonly type: string;
  readonly body: { readonly token?: string };
}

/** A connection and the bare hands of its server. */
function setUp(tokens: Partial<TokenSource> = {}) {
  const clock = new SimClock();
  const got: Frame[] = [];
  const states: ConnectionState[] = [];
  const events: ServerEvent[] = [];
  const problems: Error[] = [];
  let hands: { send(frame: object): void; close(code: number, reason: string): void } | undefined;
  const network = new SimNetwork((send, close): ServerEnd => {
    hands = { send: (frame) => send(JSON.stringify(frame)), close };
    return { text: (frame) => got.push(JSON.parse(frame)), closed: () => undefined };
  });
  const connection = new Connection({
    url: 'http://server',
    tokens: { accessToken: async () => 'token', freshToken: async () => 'fresh', ...tokens },
    openSocket: network.openSocket,
    clock,
    random: () => 1,
    onState: (state) => states.push(state),
    onEvent: (event) => events.push(event),
    onProblem: (problem) => problems.push(problem),
  });
  const flush = async () => {
    await quiet();
    while (network.step(() => 0)) await quiet();
  };
  return {
    clock,
    connection,
    events,
    flush,
    got,
    network,
    problems,
    states,
    server: () => hands ?? assert.fail('nobody connected'),
    async greet() {
      connection.start();
      await flush();
      hands?.send({ type: 'reply', id: got.at(-1)?.id, body: greeting });
      await flush();
    },
  };
}

test('hello comes first and alone; what was asked before goes after its answer, within the limit', async () => {
  const { connection, got, greet, server, flush } = setUp();
  const pings = [1, 2, 3].map(() => connection.request('ping', {}));
  await greet();
  assert.deepEqual(
    got.map(({ type }) => type),
    ['hello', 'ping', 'ping'],
  );
  server().send({ type: 'reply', id: got[1]?.id, body: { serverTime: greeting.serverTime } });
  await flush();
  assert.deepEqual(await pings[0], { serverTime: greeting.serverTime });
  assert.equal(got.length, 4);
  connection.stop();
  await assert.rejects(Promise.all(pings.slice(1)), { code: 'unavailable' });
});

test('hello, its answer and the end of the backlog may come in one moment', async () => {
  const { connection, got, server, flush, network, states } = setUp();
  connection.start();
  await flush();
  server().send({ type: 'reply', id: got[0]?.id, body: greeting });
  server().send({ type: 'sync.done', body: {} });
  while (network.step(() => 0));
  assert.deepEqual(
    states.map(({ is }) => is),
    ['connecting', 'syncing', 'ready'],
  );
  connection.stop();
});

test('what was in flight when the connection broke is told as unknown, and it connects again', async () => {
  const { clock, connection, flush, greet, network, states, got } = setUp();
  await greet();
  const lost = connection.request('conversation.get', { conversationId: greeting.logId });
  await flush();
  network.breakAll();
  await assert.rejects(lost, { code: 'unavailable' });
  assert.equal(states.at(-1)?.is, 'waiting');
  await clock.advance(500);
  await flush();
  assert.equal(got.at(-1)?.type, 'hello');
  connection.stop();
});

test('events that are unknown or malformed are ignored, and unknown fields too', async () => {
  const { connection, events, flush, greet, problems, server } = setUp();
  await greet();
  server().send({ type: 'weather.changed', body: { rain: true } });
  server().send({ type: 'presence.changed', body: { userId: 7 } });
  server().send({ type: 'presence.changed', body: { userId: greeting.userId, online: true, mood: 'good' }, extra: 1 });
  server().send({ type: 'reply', id: 999, body: {} });
  await flush();
  assert.deepEqual(events, [{ type: 'presence.changed', body: { userId: greeting.userId, online: true } }]);
  assert.equal(problems.length, 1);
  connection.stop();
});

test('an error of a later protocol reaches the caller as internal, with its own code beside', async () => {
  const { connection, flush, greet, got, server } = setUp();
  await greet();
  const asked = connection.request('ping', {});
  const refused = assert.rejects(asked, (error) => {
    assert.ok(error instanceof SottoError);
    assert.deepEqual([error.code, error.details?.code], ['internal', 'out_of_tea']);
    return true;
  });
  await flush();
  server().send({ type: 'error', id: got.at(-1)?.id, code: 'out_of_tea', message: 'no tea' });
  await flush();
  await refused;
  connection.stop();
});

test('a wrong body is refused before it is sent, by the name of its field', async () => {
  const { connection, got, greet } = setUp();
  await greet();
  await assert.rejects(connection.request('conversation.get', { conversationId: 'x' }), {
    code: 'bad_request',
    message: /conversationId/,
  });
  assert.equal(got.length, 1);
  connection.stop();
});

test('it pings after silence, and a server that stays silent is given up', async () => {
  const { clock, connection, flush, greet, got, states } = setUp();
  await greet();
  await clock.advance(25_000);
  await flush();
  assert.equal(got.at(-1)?.type, 'ping');
  await clock.advance(15_000);
  const waiting = states.find(({ is }) => is === 'waiting');
  assert.ok(waiting?.is === 'waiting' && waiting.reason === 'the server fell silent');
  connection.stop();
});

test('the close code of a refusal is what the application is told', async () => {
  const { connection, flush, greet, server, states } = setUp();
  await greet();
  server().close(4502, 'password_changed');
  await flush();
  assert.deepEqual(states.at(-1), { is: 'refused', refusal: { code: 4502, reason: 'password_changed' } });
  assert.equal(connection.notify('ack', { conversationId: greeting.logId, seq: 1 }), false);
});

test('a token refused in hello is refreshed before the next attempt', async () => {
  const refused: (string | undefined)[] = [];
  const { clock, connection, flush, got, server } = setUp({
    freshToken: async (token) => {
      refused.push(token);
      return 'fresh';
    },
  });
  connection.start();
  await flush();
  server().send({ type: 'error', id: got[0]?.id, code: 'unauthenticated', message: 'expired' });
  server().close(4501, 'token_invalid');
  await flush();
  await clock.advance(0);
  await flush();
  assert.deepEqual(refused, ['token']);
  assert.deepEqual(
    got.map(({ body }) => body.token),
    ['token', 'fresh'],
  );
  connection.stop();
});

test('a session about to expire is renewed on the living connection', async () => {
  const { connection, flush, greet, got, server } = setUp();
  await greet();
  server().send({ type: 'session.expiring', body: { expiresAt: greeting.serverTime } });
  await flush();
  assert.deepEqual([got.at(-1)?.type, got.at(-1)?.body.token], ['session.renew', 'fresh']);
  connection.stop();
});

test('a session that expires again is renewed with another token than the last time', async () => {
  const refused: (string | undefined)[] = [];
  const { connection, flush, greet, got, server } = setUp({
    freshToken: async (used) => {
      refused.push(used);
      return `fresh ${refused.length}`;
    },
  });
  await greet();
  for (let n = 0; n < 3; n += 1) {
    server().send({ type: 'session.expiring', body: { expiresAt: greeting.serverTime } });
    await flush();
    server().send({ type: 'reply', id: got.at(-1)?.id, body: { expiresAt: greeting.serverTime } });
    await flush();
  }
  assert.deepEqual(refused, ['token', 'fresh 1', 'fresh 2']);
  assert.deepEqual(
    got.map(({ body }) => body.token),
    ['token', 'fresh 1', 'fresh 2', 'fresh 3'],
  );
  connection.stop();
});

test('the server that drains names the moment to come back', async () => {
  const { clock, connection, flush, greet, server, states } = setUp();
  await greet();
  server().send({ type: 'session.ending', body: { reason: 'draining', reconnectAfterMs: 4_321 } });
  server().close(4000, 'draining');
  await flush();
  const waiting = states.at(-1);
  assert.ok(waiting?.is === 'waiting');
  assert.equal(waiting.until - clock.now(), 4_321);
  connection.stop();
});
