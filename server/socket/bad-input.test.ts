import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import * as v from 'valibot';
import { isNotificationType, isRequestType, notifications, requests } from '../../protocol/index.ts';
import { MAX_FRAME_BYTES } from '../../protocol/scalars.ts';
import { createAccessTokens } from '../accounts/access-token.ts';
import { generateSigningKey, importSigningKeys } from '../accounts/signing-keys.ts';
import { brokenBodies, notificationBodies, requestBodies } from '../testing/bodies.ts';
import { manualClock } from '../testing/clock.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { Refused, startMessaging, type TestClient } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

let db: TestDatabase;
let server: ReturnType<typeof startMessaging>;
let witness: TestClient;

before(async () => {
  db = await testDatabase();
  server = startMessaging({ url: db.url, limitFactor: 10_000 });
  witness = await server.connect(await addPerson(db.sql));
});

// Whatever one connection did, the others go on.
afterEach(async () => {
  await witness.request('ping', {});
  assert.equal(witness.closed, undefined);
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
});

const someone = async (): Promise<TestClient> => server.connect(await addPerson(db.sql));

async function pair() {
  const [ada, bob] = [await addPerson(db.sql), await addPerson(db.sql)];
  const [a, b] = [await server.connect(ada), await server.connect(bob)];
  const { conversation } = await a.request('conversation.open', { userId: bob.userId });
  return { ada, bob, a, b, conversationId: conversation.id };
}

const message = (conversationId: string) => ({ conversationId, clientId: randomUUID(), epoch: 0, mls: 'AAAA' });

test('what is no frame closes the connection with 4500', async () => {
  const texts = [
    '',
    'x',
    '{',
    'null',
    '1',
    '"x"',
    '[]',
    '[{}]',
    '{}',
    '{"type":1}',
    '{"type":""}',
    '{"type":null,"id":1}',
    `{"type":"${'x'.repeat(65)}"}`,
  ];
  const ids = ['0', '-1', '1.5', '"1"', 'null', '9007199254740993', 'true', '{}'].map(
    (id) => `{"id":${id},"type":"ping"}`,
  );
  for (const text of [...texts, ...ids, '\u0000', '{"type":"ping","id":1}}']) {
    const client = await someone();
    client.raw(text);
    assert.equal((await client.ended()).code, 4500, text);
  }
  const client = await someone();
  client.binary(10);
  assert.equal((await client.ended()).code, 4500);
});

test('an unknown request is refused, also under names that every object has; the connection lives', async () => {
  const client = await someone();
  const types = ['nothing', 'constructor', '__proto__', 'toString', 'hasOwnProperty', 'message', 'message.new', 'ack'];
  for (const [i, type] of types.entries()) {
    client.raw(`{"id":${1000 + i},"type":"${type}","body":{"__proto__":{"conversationId":"x"},"constructor":1}}`);
    assert.equal((await answerTo(client, 1000 + i))?.code, 'unknown_type', type);
  }
  await client.request('ping', {});
  client.raw('{"id":2000,"type":"hello","body":{"token":"again"}}');
  assert.equal((await answerTo(client, 2000))?.code, 'conflict');
});

test('an unknown notification is counted, and nothing else happens', async () => {
  const client = await someone();
  const { unknownNotifications } = server.counts;
  for (const type of ['nothing', 'constructor', '__proto__', 'ping', 'message.send'])
    client.notify(type, { conversationId: 1 });
  assert.equal(server.counts.unknownNotifications, unknownNotifications + 5);
  await client.request('ping', {});
});

test('every field of every request, wrong in turn, is refused by its name', async () => {
  const client = await someone();
  let tried = 0;
  for (const [type, valid] of Object.entries(requestBodies)) {
    assert.ok(isRequestType(type));
    assert.ok(v.safeParse(requests[type].body, valid).success, `the valid body of ${type}`);
    const missing = Object.keys(valid)
      .map((key) => ({ path: key, body: { ...valid, [key]: undefined } }))
      .filter(({ body }) => !v.safeParse(requests[type].body, body).success);
    const wholes = [null, 'x', 7, true].map((body) => ({ path: '', body }));
    for (const { path, body } of [...brokenBodies(valid), ...missing, ...wholes]) {
      const id = 10_000 + tried++;
      client.raw(JSON.stringify({ id, type, body }));
      const answer = await answerTo(client, id);
      const told: string = `${type} ${path} ${JSON.stringify(body)?.slice(0, 300)} -> ${JSON.stringify(answer)}`;
      assert.equal(answer?.code, 'bad_request', told);
      const field = String(answer.details?.field);
      assert.ok(field === path || field.startsWith(`${path}.`) || (path === '' && field === ''), told);
    }
  }
  assert.ok(tried > 600, `${tried} bodies`);
  await client.request('ping', {});
});

test('every field of every notification, wrong in turn, closes the connection', async () => {
  for (const [type, valid] of Object.entries(notificationBodies)) {
    assert.ok(isNotificationType(type));
    assert.ok(v.safeParse(notifications[type].body, valid).success);
    for (const { path, body } of [...brokenBodies(valid), { path: '', body: null }, { path: '', body: 'x' }]) {
      const client = await someone();
      client.notify(type, body);
      const { code, reason } = await client.ended();
      assert.deepEqual([code, reason], [4500, `bad ${type}`], `${path} ${JSON.stringify(body)}`);
    }
  }
});

test('a frame over the limit is too_large with an id, and the end without one', async () => {
  const { a, conversationId } = await pair();
  const large = 'A'.repeat(MAX_FRAME_BYTES);
  a.raw(JSON.stringify({ id: 77, type: 'message.send', body: { ...message(conversationId), content: large } }));
  assert.equal((await answerTo(a, 77))?.code, 'too_large');
  // Within the frame's limit, but not within the field's.
  a.raw(
    JSON.stringify({
      id: 78,
      type: 'message.send',
      body: { ...message(conversationId), content: large.slice(0, 100_000) },
    }),
  );
  assert.equal((await answerTo(a, 78))?.code, 'bad_request');
  assert.equal((await a.request('message.send', message(conversationId))).seq, 1);
  a.notify('typing.set', { conversationId, typing: true, more: large });
  assert.equal((await a.ended()).code, 4500);
});

test('an id in flight twice closes the connection; more than 64 in flight are refused', async () => {
  const twice = await someone();
  for (const id of [5, 5]) twice.raw(`{"id":${id},"type":"conversation.list","body":{}}`);
  assert.equal((await twice.ended()).code, 4500);
  const many = await someone();
  const replies = Array.from({ length: 65 }, () => many.post('conversation.list', {}));
  const results = await Promise.allSettled(replies);
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 1);
  const [only] = refused;
  assert.ok(only?.reason instanceof Refused);
  assert.deepEqual([only.reason.code, only.reason.details], ['rate_limited', { bucket: 'in_flight' }]);
  await many.request('conversation.list', {});
});

test('100,000 frames before hello end at the first, and cost no memory', async () => {
  const strangers = Array.from({ length: 10 }, () => server.stranger());
  global.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 10_000; i++) for (const stranger of strangers) stranger.raw('{"id":1,"type":"ping","body":{}}');
  for (const stranger of strangers) assert.deepEqual(stranger.closed, { code: 4500, reason: 'hello expected' });
  global.gc?.();
  assert.ok(process.memoryUsage().heapUsed - before < 64 * 1024 * 1024);
  assert.deepEqual(
    strangers.flatMap(({ frames }) => frames),
    [],
  );
});

test('before hello little may be said, and nothing else', async () => {
  const attempts: [string, (client: TestClient) => void][] = [
    [
      'too many bytes',
      (client) => client.raw(JSON.stringify({ id: 1, type: 'hello', body: { token: 'x', more: 'x'.repeat(9_000) } })),
    ],
    ['binary', (client) => client.binary(10)],
    ['a notification', (client) => client.notify('hello', { token: 'x' })],
    ['not JSON', (client) => client.raw('hello')],
    ['no token', (client) => client.raw('{"id":1,"type":"hello","body":{}}')],
    ['a token of the wrong type', (client) => client.raw('{"id":1,"type":"hello","body":{"token":{"$ne":1}}}')],
    [
      'a name that turns the line',
      (client) => client.raw('{"id":1,"type":"hello","body":{"token":"x","client":"a\\u202eb"}}'),
    ],
  ];
  for (const [name, attempt] of attempts) {
    const client = server.stranger();
    attempt(client);
    assert.equal((await client.ended()).code, 4500, name);
  }
});

test('what follows a hello is handled after its reply, in order, up to a bound', async () => {
  const hello = JSON.stringify({ id: 11, type: 'hello', body: { token: JSON.stringify(await addPerson(db.sql)) } });
  const hasty = server.stranger();
  hasty.raw(hello);
  hasty.raw('{"id":12,"type":"ping","body":{}}');
  hasty.raw('{"id":13,"type":"no.such","body":{}}');
  await hasty.event('sync.done');
  await hasty.request('ping', {});
  assert.deepEqual(
    hasty.frames.map(({ type, id }) => [type, id]),
    [
      ['reply', 11],
      ['reply', 12],
      ['error', 13],
    ],
  );
  for (const [name, flood] of [
    ['too many', Array.from({ length: 65 }, (_, i) => `{"id":${i + 21},"type":"ping","body":{}}`)],
    ['too large', [`{"id":21,"type":"ping","body":{"pad":"${'x'.repeat(8_192)}"}}`]],
  ] as const) {
    const client = server.stranger();
    client.raw(hello);
    for (const frame of flood) client.raw(frame);
    assert.deepEqual(await client.ended(), { code: 4500, reason: 'wait for the reply to hello' }, name);
  }
});

test('whoever says nothing is closed in time: before hello, when idle, and when the token ends', async () => {
  const clock = manualClock();
  await using timed = startMessaging({ url: db.url, clock });
  const person = await addPerson(db.sql);
  const stranger = timed.stranger();
  clock.pass(4_000);
  assert.equal(codeOf(stranger), undefined);
  clock.pass(2_000);
  assert.equal(codeOf(stranger), 4003);
  const client = await timed.connect(person);
  for (let i = 0; i < 3; i++) {
    clock.pass(50_000);
    await client.request('ping', {});
  }
  clock.pass(61_000);
  assert.equal(codeOf(client), undefined);
  clock.pass(4_000);
  assert.equal(codeOf(client), 4006);
  const lasting = await timed.connect(person);
  for (let passed = 0; passed < 840_000; passed += 50_000) {
    clock.pass(50_000);
    await lasting.request('ping', {});
  }
  assert.ok(Date.parse((await lasting.event('session.expiring')).expiresAt) > clock.now());
  clock.pass(55_000);
  assert.deepEqual([lasting.closed?.code, lasting.closed?.reason], [4501, 'expired']);
});

test('a bad token is unauthenticated, then 4501; an ended session says why', async () => {
  const keys = await importSigningKeys((await generateSigningKey()).secret);
  const strange = await importSigningKeys((await generateSigningKey()).secret);
  const tokens = createAccessTokens(keys);
  const verifyToken = async (token: string) => {
    const found = await tokens.verify(token);
    return found && { ...found, expiresAt: found.expiresAt.getTime() };
  };
  await using guarded = startMessaging({ url: db.url, verifyToken });
  const person = await addPerson(db.sql);
  const other = await addPerson(db.sql);
  const { token } = await tokens.issue(person);
  const expired = await createAccessTokens(keys, 900_000, () => Date.now() - 901_000).issue(person);
  const forged = await createAccessTokens(strange).issue(person);
  const mixed = await tokens.issue({ ...person, deviceId: other.deviceId });
  const nobody = await tokens.issue({ ...person, sessionId: randomUUID() });
  const bad = [
    'x',
    '',
    'v4.public.',
    `${token}x`,
    token.slice(0, -4),
    token.replace('v4.public', 'v4.local'),
    expired.token,
    forged.token,
    mixed.token,
    nobody.token,
  ];
  for (const attempt of bad)
    await refusedHello(attempt, attempt === '' ? 'bad_request' : 'unauthenticated', attempt === '' ? 4500 : 4501);
  const reasons = { logged_out: 4502, revoked: 4502, password_changed: 4502, token_reuse: 4502 };
  for (const [reason, code] of Object.entries(reasons)) {
    const ended = await addPerson(db.sql);
    await db.sql`update sessions set ended_at = now(), ended_reason = ${reason} where id = ${ended.sessionId}`;
    await refusedHello((await tokens.issue(ended)).token, 'unauthenticated', code, reason);
  }
  await db.sql`update users set suspended_at = now() where id = ${other.userId}`;
  await refusedHello((await tokens.issue(other)).token, 'unauthenticated', 4503);
  const live = guarded.stranger();
  await live.request('hello', { token });
  for (const renewal of [expired.token, forged.token, (await tokens.issue(await addPerson(db.sql))).token]) {
    await assert.rejects(
      live.request('session.renew', { token: renewal }),
      (error: Refused) => error.code === 'unauthenticated',
    );
  }
  await live.request('session.renew', { token: (await tokens.issue(person)).token });

  async function refusedHello(attempt: string, code: string, close: number, reason?: string): Promise<void> {
    const client = guarded.stranger();
    await assert.rejects(client.request('hello', { token: attempt }), (error: Refused) => error.code === code);
    const ended = await client.ended();
    assert.equal(ended.code, close, attempt);
    if (reason !== undefined) assert.equal(ended.reason, reason);
  }
});

test('a conversation with oneself, with nobody, or of others is refused; a seq in the future too', async () => {
  const { ada, bob, a, b, conversationId } = await pair();
  const eve = await someone();
  await a.request('message.send', message(conversationId));
  const refused = (code: string) => (error: unknown) => error instanceof Refused && error.code === code;
  await assert.rejects(a.request('conversation.open', { userId: ada.userId }), refused('bad_request'));
  await assert.rejects(a.request('conversation.open', { userId: ada.userId.toUpperCase() }), refused('bad_request'));
  await assert.rejects(a.request('conversation.open', { userId: randomUUID() }), refused('not_found'));
  for (const id of [conversationId, randomUUID()]) {
    await assert.rejects(eve.request('message.send', message(id)), refused('not_found'));
    await assert.rejects(eve.request('message.history', { conversationId: id }), refused('not_found'));
    await assert.rejects(eve.request('receipt.read', { conversationId: id, seq: 1 }), refused('not_found'));
    await assert.rejects(eve.request('conversation.accept', { conversationId: id }), refused('not_found'));
    eve.notify('typing.set', { conversationId: id, typing: true });
  }
  await assert.rejects(b.request('receipt.read', { conversationId, seq: 2 }), refused('not_found'));
  assert.deepEqual((await b.request('message.history', { conversationId, after: 99 })).messages, []);
  await assert.rejects(b.request('conversation.list', { cursor: 'nonsense' }), refused('bad_request'));
  await assert.rejects(b.request('message.send', { ...message(conversationId), epoch: 1 }), refused('bad_request'));
  assert.equal((await b.request('conversation.open', { userId: ada.userId })).conversation.id, conversationId);
  assert.equal(bob.userId.length, 36);
});

test('an acknowledgement that goes back is ignored; one beyond the log, or of others, ends the connection', async () => {
  const { a, b, conversationId } = await pair();
  for (let i = 0; i < 3; i++) await a.request('message.send', message(conversationId));
  for (const seq of [3, 1, 2, 3]) b.notify('ack', { conversationId, seq });
  await server.receipts.flush();
  const { conversation } = await b.request('conversation.get', { conversationId });
  assert.equal(Math.max(...conversation.members.map(({ deliveredSeq }) => deliveredSeq)), 3);
  const [cursor] = await db.sql<
    { seq: number }[]
  >`select max(seq) as seq from device_cursors where conversation_id = ${conversationId}`;
  assert.equal(cursor?.seq, 3);
  // A read mark in the future beside an honest acknowledgement is a refused request, no more.
  b.notify('ack', { conversationId, seq: 3 });
  await assert.rejects(
    b.request('receipt.read', { conversationId, seq: 9 }),
    (error: Refused) => error.code === 'not_found',
  );
  await server.receipts.flush();
  assert.equal(b.closed, undefined);
  b.notify('ack', { conversationId, seq: 4 });
  assert.equal((await b.ended()).code, 4500);
  const eve = await someone();
  eve.notify('ack', { conversationId, seq: 1 });
  assert.equal((await eve.ended()).code, 4500);
});

const codeOf = (client: TestClient): number | undefined => client.closed?.code;

/** The answer to a request that needed no waiting. */
async function answerTo(client: TestClient, id: number) {
  await turn();
  const at = client.frames.findIndex((frame) => frame.id === id);
  return at === -1 ? undefined : client.frames.splice(at, 1)[0];
}
