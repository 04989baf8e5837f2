import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { recoveryBytes } from '../../protocol/identity.ts';
import { createAccessTokens } from '../accounts/access-token.ts';
import { generateSigningKey, importSigningKeys } from '../accounts/signing-keys.ts';
import { recoveryHandlers } from '../handlers/recovery.ts';
import { authenticate } from '../http/bearer.ts';
import { recoveryRoutes } from '../http/recovery.ts';
import { createLimits } from '../limits/limits.ts';
import { listen } from '../listen/listen.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { Refused, startMessaging } from '../testing/messaging.ts';
import { addDevice, addPerson } from '../testing/people.ts';
import { addPhone, newAccountKey, type Phone, registration, type Server, text } from '../testing/phones.ts';
import { createRecovery } from './recovery.ts';

let db: TestDatabase;
let server: Server;

before(async () => {
  db = await testDatabase();
  server = startMessaging({
    url: db.url,
    limitFactor: 1000,
    people: (gate, limits) => recoveryHandlers(createRecovery({ gate, limits })),
  });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
});

const refusedWith = (code: string, details?: object) => (error: unknown) => {
  assert.ok(error instanceof Refused, String(error));
  assert.equal(error.code, code);
  if (details !== undefined) assert.deepEqual(error.details, details);
  return true;
};

/** A blob as the primary device would put it. */
function signed({ identity, account }: Pick<Phone, 'identity' | 'account'>, version: number, blob: Uint8Array) {
  const hash = createHash('sha256').update(blob).digest();
  const signature = account.sign(recoveryBytes(identity.userId, version, hash));
  return { version, blob: text(blob), signature: text(signature) };
}

test('a blob is kept for every device of its person, version by version, and for nobody else', async () => {
  const ada = await addPhone(db, server);
  assert.deepEqual(await ada.client.request('recovery.get', {}), {});
  const first = signed(ada, 1, randomBytes(64 * 1024));
  await ada.client.request('recovery.put', first);
  // The same again, as after a lost reply.
  await ada.client.request('recovery.put', first);
  const fresh = await server.connect(await addDevice(db.sql, ada.identity.userId));
  assert.deepEqual(await fresh.request('recovery.get', {}), first);
  const second = signed(ada, 2, randomBytes(100));
  await ada.client.request('recovery.put', second);
  assert.deepEqual(await fresh.request('recovery.get', {}), second);
  const bob = await addPhone(db, server);
  assert.deepEqual(await bob.client.request('recovery.get', {}), {});
  await assert.rejects(bob.client.request('recovery.put', second), refusedWith('forbidden', { field: 'signature' }));
});

test('a wrong version, a wrong signature, an old account key and an ended session change nothing', async () => {
  const ada = await addPhone(db, server);
  const kept = signed(ada, 1, randomBytes(50));
  await ada.client.request('recovery.put', kept);
  const other = randomBytes(50);
  for (const version of [1, 3, 2_147_483_647]) {
    await assert.rejects(
      ada.client.request('recovery.put', signed(ada, version, other)),
      refusedWith('conflict', { field: 'version', version: 1 }),
    );
  }
  const good = signed(ada, 2, other);
  for (const bad of [
    { ...good, signature: text(randomBytes(64)) },
    { ...good, blob: text(randomBytes(50)) },
    { ...good, version: 3 },
    signed({ ...ada, account: newAccountKey() }, 2, other),
  ]) {
    await assert.rejects(ada.client.request('recovery.put', bad), refusedWith('forbidden', { field: 'signature' }));
  }
  for (const bad of [{ blob: '' }, { blob: text(randomBytes(64 * 1024 + 1)) }, { version: 0 }])
    await assert.rejects(ada.client.request('recovery.put', { ...good, ...bad }), refusedWith('bad_request'));

  const next = newAccountKey();
  await ada.client.request('keys.register', registration(ada.device, next));
  await assert.rejects(ada.client.request('recovery.put', good), refusedWith('forbidden'), 'signed by the old key');
  assert.deepEqual(await ada.client.request('recovery.get', {}), kept);
  await ada.client.request('recovery.put', signed({ ...ada, account: next }, 2, other));

  const keyless = await addPerson(db.sql);
  const client = await server.connect(keyless);
  await assert.rejects(
    client.request('recovery.put', signed({ identity: keyless, account: next }, 1, other)),
    refusedWith('conflict'),
  );
  await db.sql`update sessions set ended_at = now(), ended_reason = 'logged_out' where id = ${keyless.sessionId}`;
  await assert.rejects(client.request('recovery.get', {}), refusedWith('unauthenticated'));
  await assert.rejects(client.request('recovery.put', kept), refusedWith('unauthenticated'));
});

test('of eight devices that put at once one wins', async () => {
  const ada = await addPhone(db, server);
  const bodies = Array.from({ length: 8 }, () => signed(ada, 1, randomBytes(1000)));
  const results = await Promise.allSettled(bodies.map((body) => ada.client.request('recovery.put', body)));
  const winner = results.findIndex(({ status }) => status === 'fulfilled');
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.deepEqual(await ada.client.request('recovery.get', {}), bodies[winner]);
});

test('up to 1 MiB goes over HTTP, and only a living session gets it', async () => {
  const tokens = createAccessTokens(await importSigningKeys((await generateSigningKey()).secret));
  const { gate } = server;
  const limits = createLimits({ factor: 0.1 });
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    routes: recoveryRoutes({
      recovery: createRecovery({ gate, limits }),
      authenticate: (request) => authenticate({ tokens, gate }, request),
    }),
    origins: [],
    trustedProxies: [],
    report: String,
  });
  const ada = await addPhone(db, server);
  const { token } = await tokens.issue(ada.identity);
  const ask = async (body?: object, bearer = token) => {
    const response = await fetch(`http://127.0.0.1:${listener.port}/v1/account/recovery`, {
      headers: { authorization: `Bearer ${bearer}` },
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    });
    const answer = await response.text();
    return { status: response.status, body: answer === '' ? undefined : JSON.parse(answer) };
  };
  assert.deepEqual(await ask(), { status: 200, body: {} });
  const large = signed(ada, 1, randomBytes(1024 * 1024));
  assert.equal((await ask(large, 'nobody')).status, 401);
  assert.equal((await ask(large)).status, 204);
  assert.deepEqual(await ask(), { status: 200, body: large });
  await assert.rejects(ada.client.request('recovery.get', {}), refusedWith('too_large'));
  assert.equal((await ask(signed(ada, 2, randomBytes(1024 * 1024 + 1)))).status, 400);
  assert.equal((await ask({ ...large, more: 'A'.repeat(1536 * 1024) })).status, 413);
  assert.equal((await ask(signed(ada, 7, randomBytes(10)))).status, 409);
  let last = 0;
  for (let n = 0; n < 12; n += 1) last = (await ask(signed(ada, 7, randomBytes(10)))).status;
  assert.equal(last, 429);
  listener.close();
});
