import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tokens } from '../../protocol/http.ts';
import { passwordOf, type TestAccounts, testAccounts } from '../testing/accounts.ts';

async function refresh(accounts: TestAccounts, refreshToken: string): Promise<Tokens> {
  const answer = await accounts.post('/v1/auth/refresh', { refreshToken });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body as Tokens;
}

async function refusal(accounts: TestAccounts, refreshToken: string): Promise<string | undefined> {
  const answer = await accounts.post('/v1/auth/refresh', { refreshToken });
  assert.equal(answer.status, 401);
  return (answer.body as { error?: { code?: string } }).error?.code;
}

test('a refresh token has one successor, the same each time, until that is presented', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const first = (await accounts.login('ada')).refreshToken;
  const second = (await refresh(accounts, first)).refreshToken;
  assert.notEqual(second, first);
  assert.equal((await refresh(accounts, first)).refreshToken, second, 'a lost answer is given again');
  const third = (await refresh(accounts, second)).refreshToken;
  assert.equal((await refresh(accounts, second)).refreshToken, third);
  assert.equal(await refusal(accounts, first), 'token_invalid', 'the predecessor gets nothing, and proves nothing bad');
  assert.equal((await refresh(accounts, second)).refreshToken, third, 'and the family lives on');
});

test('many tabs that refresh at once get the same successor', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  let current = (await accounts.login('ada')).refreshToken;
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(accounts, current)));
    const successors = new Set(answers.map((tokens) => tokens.refreshToken));
    assert.equal(successors.size, 1);
    current = answers[0]?.refreshToken ?? '';
  }
  assert.deepEqual(accounts.ended, []);
});

test('a token older than the predecessor is reuse: the family ends, its sockets close, its owner gets a mail', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const login = await accounts.login('ada', { name: 'laptop' });
  const other = await accounts.login('ada', { name: 'phone' });
  const second = (await refresh(accounts, login.refreshToken)).refreshToken;
  const third = (await refresh(accounts, second)).refreshToken;
  await refresh(accounts, third);
  assert.equal(await refusal(accounts, login.refreshToken), 'token_reuse');
  assert.equal(await refusal(accounts, third), 'token_reuse', 'also the newest token is dead');
  const session = await accounts.deps.tokens.verify(login.accessToken);
  assert.deepEqual(accounts.ended, [
    { userId: login.userId, sessionIds: [session?.sessionId], code: 4502, reason: 'token_reuse' },
  ]);
  const subjects = (await accounts.mails('ada@example.org')).map((mail) => mail.subject);
  assert.equal(subjects.filter((subject) => subject === 'A session was ended for safety').length, 1);
  await refresh(accounts, other.refreshToken);
  assert.equal(
    (await accounts.post('/v1/auth/logout', undefined, login.accessToken)).status,
    401,
    'the access token died too',
  );
});

test('a made-up token that names a real session ends nothing', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const login = await accounts.login('ada');
  const bytes = Buffer.from(login.refreshToken, 'base64url');
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  assert.equal(await refusal(accounts, bytes.toString('base64url')), 'token_invalid');
  assert.equal(await refusal(accounts, 'nonsense'), 'token_invalid');
  assert.equal(await refusal(accounts, login.accessToken), 'token_invalid');
  await refresh(accounts, login.refreshToken);
  assert.deepEqual(accounts.ended, []);
});

test('neither refresh tokens nor link tokens are stored in a form that could be used', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  await accounts.post('/v1/auth/register', { username: 'eve', email: 'eve@example.org', password: passwordOf('eve') });
  const link = (await accounts.mails('eve@example.org'))[0]?.token ?? '';
  const login = await accounts.login('ada');
  const next = await refresh(accounts, login.refreshToken);
  const secrets = [link, login.refreshToken, next.refreshToken].flatMap((token) => {
    const bytes = Buffer.from(token, 'base64url');
    return [bytes, ...(bytes.length === 64 ? [bytes.subarray(16, 48)] : [])].map((part) => part.toString('hex'));
  });
  for (const table of ['sessions', 'link_tokens', 'mail_outbox', 'users', 'pending_registrations', 'devices']) {
    const rows = await accounts.db.sql<{ text: string }[]>`select t::text as text from ${accounts.db.sql(table)} t`;
    const text = rows.map((row) => row.text).join('\n');
    for (const secret of secrets) assert.ok(!text.includes(secret), table);
    for (const token of [link, login.refreshToken]) assert.ok(!text.includes(token), table);
    assert.ok(!text.includes(passwordOf('ada')));
  }
});

test('a device is itself again only with its own newest refresh token', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  await accounts.account('bob');
  const first = await accounts.login('ada', { name: 'phone' });
  const next = await refresh(accounts, first.refreshToken);
  const bob = await accounts.login('bob');
  const devices = async (device: object) => (await accounts.login('ada', device)).deviceId;
  assert.notEqual(await devices({ name: 'phone', id: first.deviceId }), first.deviceId, 'no token');
  assert.notEqual(
    await devices({ name: 'phone', id: first.deviceId, refreshToken: bob.refreshToken }),
    first.deviceId,
    "someone else's token",
  );
  assert.notEqual(
    await devices({ name: 'phone', id: bob.deviceId, refreshToken: bob.refreshToken }),
    bob.deviceId,
    "someone else's device",
  );
  await accounts.post('/v1/auth/logout', undefined, next.accessToken);
  const again = await accounts.login('ada', { name: 'phone 2', id: first.deviceId, refreshToken: next.refreshToken });
  assert.equal(again.deviceId, first.deviceId, 'after a logout');
  await accounts.db.sql`update sessions set refreshed_at = now() - interval '40 days'`;
  assert.equal(await refusal(accounts, again.refreshToken), 'token_invalid', 'expired');
  assert.equal(
    await devices({ name: 'phone', id: first.deviceId, refreshToken: again.refreshToken }),
    first.deviceId,
    'expired is allowed',
  );
  const mails = (await accounts.mails('ada@example.org')).filter(
    (mail) => mail.subject === 'A new device has logged in',
  );
  assert.equal(mails.length, 4, 'one for each new device, none for a proven one');
});

test('a reused token proves no device, and ends its session', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const first = await accounts.login('ada');
  const second = await refresh(accounts, first.refreshToken);
  const third = await refresh(accounts, second.refreshToken);
  await refresh(accounts, third.refreshToken);
  const login = await accounts.login('ada', { name: 'phone', id: first.deviceId, refreshToken: first.refreshToken });
  assert.notEqual(login.deviceId, first.deviceId);
  assert.equal(accounts.ended[0]?.reason, 'token_reuse');
});

test('a new device starts where its user has got to', async () => {
  await using accounts = await testAccounts();
  const ada = await accounts.account('ada');
  const { sql } = accounts.db;
  const [conversation] = await sql<
    { id: string }[]
  >`insert into conversations (id, kind, last_seq) values (gen_random_uuid(), 'group', 9) returning id`;
  await sql`insert into conversation_participants (conversation_id, user_id, delivered_seq, read_seq) values (${conversation?.id ?? ''}, ${ada}, 7, 3)`;
  const { deviceId } = await accounts.login('ada');
  assert.deepEqual(
    [...(await sql`select conversation_id, seq from device_cursors where device_id = ${deviceId}`)],
    [{ conversationId: conversation?.id, seq: 7 }],
  );
});
