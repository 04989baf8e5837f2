import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createAccessTokens } from '../accounts/access-token.ts';
import { generateSigningKey, importSigningKeys } from '../accounts/signing-keys.ts';
import { listen } from '../listen/listen.ts';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPhone, encryptedPair } from '../testing/phones.ts';
import { authenticate } from './bearer.ts';
import { commitRoute } from './commits.ts';

test('a commit over HTTP is stored, told and answered as one over the socket', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url, requireMls: true });
  const tokens = createAccessTokens(await importSigningKeys((await generateSigningKey()).secret));
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    routes: [
      commitRoute({
        commits: server.commits,
        authenticate: (request) => authenticate({ tokens, gate: server.gate }, request),
      }),
    ],
    origins: [],
    trustedProxies: [],
    report: String,
  });
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  await bob.client.event('commit.new');
  const second = await addPhone(db, server, bob);
  await second.publish(1);
  const [claimed] = (await ada.claim(conversationId)).packages;
  assert.ok(claimed);
  const { body } = await ada.prepare(conversationId, { baseEpoch: 1, add: [[second, claimed]] });
  const { token } = await tokens.issue(ada.identity);

  async function post(
    content: object,
    path = conversationId,
    bearer = token,
  ): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`http://127.0.0.1:${listener.port}/v1/conversations/${path}/commits`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      body: JSON.stringify(content),
    });
    return { status: response.status, body: await response.json() };
  }
  const code = (answer: { body: unknown }) => (answer.body as { error?: { code?: string } }).error?.code;

  const anonymous = await post(body, conversationId, 'nobody');
  assert.deepEqual([anonymous.status, code(anonymous)], [401, 'unauthenticated']);
  const elsewhere = await post(body, randomUUID());
  assert.deepEqual(
    [elsewhere.status, code(elsewhere)],
    [400, 'bad_request'],
    'the group id is of another conversation',
  );
  const large = await post({ ...body, welcome: 'A'.repeat(2 * 1024 * 1024) });
  assert.equal(large.status, 413);

  const { conversationId: _path, ...withoutId } = body;
  assert.deepEqual(await post(withoutId), { status: 200, body: { seq: 2, epoch: 2, duplicate: false } });
  assert.deepEqual(await post(withoutId), { status: 200, body: { seq: 2, epoch: 2, duplicate: true } });
  assert.equal((await bob.client.event('commit.new')).seq, 2);
  assert.equal((await ada.client.event('commit.new')).seq, 2, 'no connection of its own sent it');
  assert.equal((await second.client.event('welcome.new')).seq, 2);
  const late = await post({ ...withoutId, clientId: randomUUID() });
  assert.deepEqual([late.status, code(late)], [409, 'stale_epoch']);
  listener.close();
});
