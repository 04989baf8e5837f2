import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passwordOf, testAccounts } from '../testing/accounts.ts';

const code = (answer: { body: unknown }): string | undefined =>
  (answer.body as { error?: { code?: string } }).error?.code;

test('a registered account logs in after its address is confirmed, refreshes and logs out', async () => {
  await using accounts = await testAccounts();
  const body = { username: 'Ada', email: 'Ada@Example.org', password: passwordOf('ada'), displayName: 'Ada L.' };
  const registered = await accounts.post('/v1/auth/register', body);
  assert.deepEqual([registered.status, registered.body], [202, { status: 'verification_sent' }]);

  const login = { login: 'ada', password: passwordOf('ada'), device: { name: 'phone' } };
  const early = await accounts.post('/v1/auth/login', login);
  assert.deepEqual([early.status, code(early)], [403, 'email_unverified']);
  const wrong = await accounts.post('/v1/auth/login', { ...login, password: 'something else' });
  assert.deepEqual([wrong.status, code(wrong)], [401, 'invalid_credentials']);

  const [mail, ...others] = await accounts.mails('ada@example.org');
  assert.equal(others.length, 0);
  const page = await accounts.get(`/v1/auth/verify-email?token=${mail?.token}`);
  assert.equal(page.status, 200);
  assert.match(String(page.body), /makes the account ada\..*<form method="post">/s);
  assert.equal((await accounts.post('/v1/auth/verify-email', { token: mail?.token })).status, 204);
  assert.equal((await accounts.post('/v1/auth/verify-email', { token: mail?.token })).status, 401, 'a link works once');
  assert.equal((await accounts.get(`/v1/auth/verify-email?token=${mail?.token}`)).status, 404);

  const tokens = await accounts.login('ada@example.org'.split('@')[0] ?? '');
  const verified = await accounts.deps.tokens.verify(tokens.accessToken);
  assert.equal(verified?.userId, tokens.userId);
  assert.equal(verified?.deviceId, tokens.deviceId);
  const refreshed = await accounts.post('/v1/auth/refresh', { refreshToken: tokens.refreshToken });
  assert.equal(refreshed.status, 200);
  assert.equal((await accounts.post('/v1/auth/logout', undefined, tokens.accessToken)).status, 204);
  assert.deepEqual(accounts.ended, [
    { userId: tokens.userId, sessionIds: [verified?.sessionId], code: 4502, reason: 'logged_out' },
  ]);
  const after = await accounts.post('/v1/auth/refresh', { refreshToken: tokens.refreshToken });
  assert.deepEqual([after.status, code(after)], [401, 'token_invalid']);
  const again = await accounts.post('/v1/auth/logout', undefined, tokens.accessToken);
  assert.deepEqual([again.status, code(again)], [401, 'unauthenticated'], 'the access token died with its session');
});

test('a page without a script can confirm, and the form of it is accepted', async () => {
  await using accounts = await testAccounts();
  await accounts.post('/v1/auth/register', { username: 'ada', email: 'ada@example.org', password: passwordOf('ada') });
  const [mail] = await accounts.mails('ada@example.org');
  const submit = () =>
    fetch(`${accounts.url}/v1/auth/verify-email`, {
      method: 'POST',
      headers: { origin: accounts.url },
      body: new URLSearchParams({ token: mail?.token ?? '' }),
    });
  const done = await submit();
  assert.equal(done.status, 200);
  assert.match(await done.text(), /is confirmed/);
  assert.equal((await submit()).status, 404);
});

test('the public keys are given out as PASERK', async () => {
  await using accounts = await testAccounts();
  const answer = await accounts.get('/v1/auth/keys');
  assert.equal(answer.status, 200);
  assert.match((answer.body as { keys: string[] }).keys[0] ?? '', /^k4\.public\.[\w-]{43}$/);
});

test('a body that is wrong is refused by the name of its field', async () => {
  await using accounts = await testAccounts();
  const good = { username: 'ada', email: 'ada@example.org', password: passwordOf('ada') };
  const cases: [unknown, string][] = [
    [{ ...good, username: 'a b' }, 'username'],
    [{ ...good, username: 'ab' }, 'username'],
    [{ ...good, email: 'nobody' }, 'email'],
    [{ ...good, password: 'too short' }, 'password'],
    [{ ...good, password: 'ü'.repeat(37) }, 'password'],
    [{ ...good, password: 'Password123!' }, 'password'],
    [{ ...good, password: '1234567890' }, 'password'],
    [{ ...good, displayName: '\u202eevil' }, 'displayName'],
    [{ ...good, username: 7 }, 'username'],
    [[], 'username'],
    [null, ''],
  ];
  for (const [body, field] of cases) {
    const answer = await accounts.post('/v1/auth/register', body);
    assert.deepEqual([answer.status, code(answer)], [400, 'bad_request'], JSON.stringify(body));
    assert.deepEqual((answer.body as { error: { details: unknown } }).error.details, { field }, JSON.stringify(body));
  }
  assert.equal((await accounts.post('/v1/auth/register', '{"username"')).status, 400);
  assert.equal(
    (await accounts.post('/v1/auth/register', JSON.stringify({ ...good, displayName: 'x'.repeat(20_000) }))).status,
    413,
  );
  const [count] = await accounts.db.sql<{ n: number }[]>`select count(*) as n from pending_registrations`;
  assert.equal(count?.n, 0);
});
