import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passwordOf, testAccounts } from '../testing/accounts.ts';

const code = (answer: { body: unknown }): string | undefined =>
  (answer.body as { error?: { code?: string } }).error?.code;

test('a known address is answered as an unknown one, also in what it reserves', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const register = (username: string, email: string) =>
    accounts.post('/v1/auth/register', { username, email, password: passwordOf('eve') });
  const known = await register('eve', 'ada@example.org');
  const unknown = await register('bob', 'bob@example.org');
  assert.deepEqual([known.status, known.body], [unknown.status, unknown.body]);
  assert.equal(code(await register('eve', 'other@example.org')), 'username_taken', 'reserved in both cases');
  assert.equal(code(await register('bob', 'other@example.org')), 'username_taken');
  const told = (await accounts.mails('ada@example.org')).at(-1);
  assert.deepEqual([told?.subject, told?.token], ['You have an account already', undefined]);
  for (const path of ['resend-verification', 'forgot-password']) {
    const answers = await Promise.all(
      ['ada@example.org', 'bob@example.org', 'nobody@example.org'].map((email) =>
        accounts.post(`/v1/auth/${path}`, { email }),
      ),
    );
    for (const answer of answers)
      assert.deepEqual([answer.status, answer.body], [answers[0]?.status, answers[0]?.body]);
  }
  assert.deepEqual(await accounts.mails('nobody@example.org'), []);
});

test('an address that someone else registered first is its owner’s once the owner confirms', async () => {
  await using accounts = await testAccounts();
  const email = 'ada@example.org';
  const register = (username: string, password: string) =>
    accounts.post('/v1/auth/register', { username, email, password });
  await register('thief', 'the password of the thief');
  await register('ada', passwordOf('ada'));
  const [thiefs, own] = await accounts.mails(email);
  const page = await accounts.get(`/v1/auth/verify-email?token=${thiefs?.token}`);
  assert.match(String(page.body), /account thief/, 'the page says whose account it would be');
  assert.equal((await accounts.post('/v1/auth/verify-email', { token: own?.token })).status, 204);
  assert.equal(code(await accounts.post('/v1/auth/verify-email', { token: thiefs?.token })), 'token_invalid');
  const login = { login: email, password: 'the password of the thief', device: { name: 'x' } };
  assert.equal(code(await accounts.post('/v1/auth/login', login)), 'invalid_credentials');
  await accounts.login('ada');
});

test('at most three registrations of one address wait, however many come at once', async () => {
  await using accounts = await testAccounts();
  await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      accounts.post('/v1/auth/register', {
        username: `ada${n}`,
        email: 'ada@example.org',
        password: passwordOf('ada'),
      }),
    ),
  );
  assert.equal((await accounts.db.sql`select from pending_registrations`).length, 3);
});

test('a username is given once, however many want it at once, and is free again after a day', async () => {
  await using accounts = await testAccounts();
  const register = (n: number) =>
    accounts.post('/v1/auth/register', { username: 'ada', email: `ada${n}@example.org`, password: passwordOf('ada') });
  const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => register(n)));
  assert.equal(answers.filter((answer) => answer.status === 202).length, 1);
  assert.ok(answers.every((answer) => answer.status === 202 || code(answer) === 'username_taken'));
  await accounts.db.sql`update pending_registrations set expires_at = now()`;
  assert.equal((await register(20)).status, 202);
});

test('a link is good for one day, and only the hash of it is known', async () => {
  await using accounts = await testAccounts();
  await accounts.post('/v1/auth/register', { username: 'ada', email: 'ada@example.org', password: passwordOf('ada') });
  const [mail] = await accounts.mails('ada@example.org');
  await accounts.db.sql`update link_tokens set expires_at = now() - interval '1 s'`;
  assert.equal(code(await accounts.post('/v1/auth/verify-email', { token: mail?.token })), 'token_invalid');
  await accounts.post('/v1/auth/resend-verification', { email: 'ada@example.org' });
  const again = (await accounts.mails('ada@example.org')).at(-1);
  assert.notEqual(again?.token, mail?.token);
  assert.equal((await accounts.post('/v1/auth/verify-email', { token: again?.token })).status, 204);
  assert.equal(code(await accounts.post('/v1/auth/verify-email', { token: 'x'.repeat(43) })), 'token_invalid');
});

test('a link that is followed twice at once makes one account', async () => {
  await using accounts = await testAccounts();
  await accounts.post('/v1/auth/register', { username: 'ada', email: 'ada@example.org', password: passwordOf('ada') });
  const [mail] = await accounts.mails('ada@example.org');
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => accounts.post('/v1/auth/verify-email', { token: mail?.token })),
  );
  assert.equal(answers.filter((answer) => answer.status === 204).length, 1);
  assert.equal((await accounts.db.sql`select from users`).length, 1);
});
