import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { errorFrame } from '../../protocol/frame.ts';
import { events, notifications, type RequestType, requests } from '../../protocol/index.ts';
import { profileHandlers } from '../handlers/profile.ts';
import { userHandlers } from '../handlers/user.ts';
import { brokenBodies, notificationBodies, requestBodies } from '../testing/bodies.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { startMessaging, type TestClient } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';
import { parseFrame } from './parse.ts';

let db: TestDatabase;
let server: ReturnType<typeof startMessaging>;

before(async () => {
  db = await testDatabase();
  server = startMessaging({
    url: db.url,
    limitFactor: 1_000_000,
    people: (gate, limits) => ({ ...profileHandlers({ gate, limits, show() {} }), ...userHandlers({ gate, limits }) }),
  });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
});

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.json(),
  fc.constantFrom('\u0000', '\ud800', '__proto__', '-1', '1e999'),
);
const anything = fc.oneof(fc.jsonValue(), text, fc.constantFrom(null, -0, 1e308, 2 ** 53, [], {}));
const types = [
  ...Object.keys(requests),
  ...Object.keys(notifications),
  ...Object.keys(events),
  'constructor',
  '__proto__',
];

test('any text is a frame or malformed by name', () => {
  fc.assert(
    fc.property(text, (given) => {
      const parsed = parseFrame(given);
      assert.ok(['request', 'notification', 'malformed'].includes(parsed.kind));
    }),
    { numRuns: 5_000 },
  );
  fc.assert(
    fc.property(fc.record({ id: anything, type: anything, body: anything }, { requiredKeys: [] }), (given) => {
      const parsed = parseFrame(JSON.stringify(given));
      if (parsed.kind === 'request') assert.ok(Number.isSafeInteger(parsed.id) && parsed.id > 0);
    }),
    { numRuns: 5_000 },
  );
});

test('no schema throws, whatever it is given', () => {
  const schemas = [
    ...Object.values(requests).flatMap(({ body, reply }) => [body, reply]),
    ...[...Object.values(notifications), ...Object.values(events)].map(({ body }) => body),
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...schemas),
      fc.anything({ withNullPrototype: true, withBigInt: true }),
      (schema: v.GenericSchema, given) => {
        assert.equal(typeof v.safeParse(schema, given).success, 'boolean');
      },
    ),
    { numRuns: 5_000 },
  );
});

/** A valid body in which some fields became anything. */
const nearlyRight = fc
  .constantFrom(...Object.entries({ ...requestBodies, ...notificationBodies }))
  .chain(([type, body]) => fc.record({ type: fc.constant(type), body: mutated(body) }));

function mutated(body: object): fc.Arbitrary<unknown> {
  const fields = Object.entries(body).map(
    ([key, value]) =>
      [
        key,
        fc.oneof({ weight: 4, arbitrary: fc.constant<unknown>(value) }, { weight: 1, arbitrary: anything }),
      ] as const,
  );
  return fc.record(Object.fromEntries(fields), { requiredKeys: [] });
}

test('any frame gets a reply, an error with a name other than internal, or a close code; others live on', async () => {
  const witness = await server.connect(await addPerson(db.sql));
  let client: TestClient | undefined;
  const outcomes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        { weight: 1, arbitrary: fc.record({ type: fc.constantFrom(...types), body: anything }) },
        { weight: 3, arbitrary: nearlyRight },
      ),
      fc.boolean(),
      async ({ type, body }, asRequest) => {
        if (client?.closed !== undefined) client = undefined;
        client ??= await server.connect(await addPerson(db.sql));
        const here = client;
        const ping = here.post('ping', {}).catch(() => undefined);
        if (asRequest) here.raw(JSON.stringify({ id: 1_000_000, type, body }));
        else here.raw(JSON.stringify({ type, body }));
        await ping;
        while (asRequest && here.closed === undefined && !here.frames.some(({ id }) => id === 1_000_000))
          await new Promise(setImmediate);
        const answer = here.frames.find(({ id }) => id === 1_000_000);
        here.frames.length = 0;
        if (answer?.type === 'error') {
          assert.ok(v.safeParse(errorFrame, answer).success, JSON.stringify(answer));
          assert.notEqual(answer.code, 'internal', `${type} ${JSON.stringify(body)}`);
        }
        const outcome =
          here.closed === undefined ? (answer?.code ?? answer?.type ?? 'nothing') : String(here.closed.code);
        if (here.closed !== undefined) assert.equal(here.closed.code, 4500);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      },
    ),
    { numRuns: 1_500 },
  );
  await witness.request('ping', {});
  assert.ok(
    outcomes.has('bad_request') && outcomes.has('reply') && outcomes.has('4500'),
    JSON.stringify([...outcomes]),
  );
});

test('a NUL in a text is refused or kept, never an internal error', async () => {
  const client = await server.connect(await addPerson(db.sql));
  for (const about of ['a\u0000b', '\ud800', '\udc00x']) {
    client.raw(JSON.stringify({ id: 6, type: 'profile.update', body: { about } }));
    while (!client.frames.some(({ id }) => id === 6)) await new Promise(setImmediate);
    assert.notEqual(client.frames.find(({ id }) => id === 6)?.code, 'internal', JSON.stringify(about));
    client.frames.length = 0;
  }
});

test('a right frame with one part broken is never an internal error', async () => {
  const client = await server.connect(await addPerson(db.sql));
  const kinds: readonly [string, object][] = Object.entries(requestBodies) satisfies [
    string,
    (typeof requestBodies)[RequestType],
  ][];
  for (const [type, valid] of kinds) {
    const [first] = brokenBodies(valid);
    for (const body of [valid, first?.body, {}]) {
      if (type === 'hello') continue;
      client.raw(JSON.stringify({ id: 5, type, body }));
      while (!client.frames.some(({ id }) => id === 5)) await new Promise(setImmediate);
      const answer = client.frames.find(({ id }) => id === 5);
      client.frames.length = 0;
      assert.notEqual(answer?.code, 'internal', `${type} ${JSON.stringify(body)}`);
    }
  }
});
