import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addLinkToken } from '../store/accounts.ts';
import { takeDueMail } from '../store/mail.ts';
import { passwordOf, type TestAccounts, testAccounts } from '../testing/accounts.ts';

const code = (answer: { body: unknown }): string | undefined =>
  (answer.body as { error?: { code?: string } }).error?.code;

const login = (accounts: TestAccounts, name: string, password: string) =>
  accounts.post('/v1/auth/login', { login: name, password, device: { name: 'phone' } });

test('a forgotten password is replaced by the link in a mail, once, and every session ends', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const session = await accounts.login('ada');
  assert.equal((await accounts.post('/v1/auth/forgot-password', { email: 'ADA@example.org' })).status, 202);
  const token = (await accounts.mails('ada@example.org')).at(-1)?.token;
  const page = await accounts.get(`/v1/auth/reset-password?token=${token}`);
  assert.match(String(page.body), /<b>ada<\/b>.*type="password"/s);
  const wanted = 'a whole new sentence';
  assert.equal(
    code(await accounts.post('/v1/auth/verify-email', { token })),
    'token_invalid',
    'a link is good for its purpose only',
  );
  assert.equal(
    code(await accounts.post('/v1/auth/reset-password', { token, password: 'password12345' })),
    'bad_request',
  );
  assert.equal((await accounts.post('/v1/auth/reset-password', { token, password: wanted })).status, 204);
  assert.equal(
    code(await accounts.post('/v1/auth/reset-password', { token, password: 'yet another sentence' })),
    'token_invalid',
  );
  assert.equal(accounts.ended[0]?.reason, 'password_changed');
  assert.equal(accounts.ended[0]?.code, 4502);
  assert.equal(code(await accounts.post('/v1/auth/refresh', { refreshToken: session.refreshToken })), 'token_invalid');
  assert.equal(code(await login(accounts, 'ada', passwordOf('ada'))), 'invalid_credentials');
  assert.equal((await login(accounts, 'ada', wanted)).status, 200);
  assert.ok((await accounts.mails('ada@example.org')).some((mail) => mail.subject === 'Your password was changed'));
});

test('a changed password ends every other session, and wants the old one', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const here = await accounts.login('ada');
  const there = await accounts.login('ada');
  const change = (password: string, newPassword: string) =>
    accounts.post('/v1/account/password', { password, newPassword }, here.accessToken);
  assert.equal(code(await change('not the password', 'a whole new sentence')), 'invalid_credentials');
  const common = await change(passwordOf('ada'), 'qwertyuiop');
  assert.deepEqual((common.body as { error: { details: object } }).error.details, { field: 'newPassword' });
  assert.equal((await change(passwordOf('ada'), 'a whole new sentence')).status, 204);
  assert.equal((await accounts.post('/v1/auth/refresh', { refreshToken: here.refreshToken })).status, 200);
  assert.equal(code(await accounts.post('/v1/auth/refresh', { refreshToken: there.refreshToken })), 'token_invalid');
});

test('a new address counts once it is confirmed, and the old one is told', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const { accessToken } = await accounts.login('ada');
  const change = (email: string) =>
    accounts.post('/v1/account/email', { password: passwordOf('ada'), email }, accessToken);
  assert.equal((await change('new@example.org')).status, 202);
  const token = (await accounts.mails('new@example.org'))[0]?.token;
  assert.equal((await login(accounts, 'new@example.org', passwordOf('ada'))).status, 401);
  assert.equal((await accounts.post('/v1/auth/verify-email', { token })).status, 204);
  assert.equal((await login(accounts, 'new@example.org', passwordOf('ada'))).status, 200);
  assert.equal(
    (await accounts.mails('ada@example.org')).filter((mail) => mail.subject === 'Your address was changed').length,
    1,
  );

  await accounts.account('bob');
  assert.equal((await change('bob@example.org')).status, 202, 'a known address is answered alike');
  const told = (await accounts.mails('bob@example.org')).at(-1);
  assert.deepEqual([told?.subject, told?.token], ['You have an account already', undefined]);
});

test('a username is changed only to a free one', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  await accounts.account('bob');
  await accounts.post('/v1/auth/register', { username: 'eve', email: 'eve@example.org', password: passwordOf('eve') });
  const { accessToken } = await accounts.login('ada');
  const change = (username: string) =>
    accounts.post('/v1/account/username', { password: passwordOf('ada'), username }, accessToken);
  assert.equal(code(await change('bob')), 'username_taken');
  assert.equal(code(await change('eve')), 'username_taken', 'reserved by a registration');
  assert.equal((await change('Countess')).status, 204);
  assert.equal((await login(accounts, 'countess', passwordOf('ada'))).status, 200);
});

test('a deleted account leaves a placeholder and nothing personal', async () => {
  await using accounts = await testAccounts();
  const id = await accounts.account('adalovelace');
  const tokens = await accounts.login('adalovelace', { name: 'lovely laptop' });
  await accounts.db.sql`insert into recovery_blobs (user_id, version, blob, signature)
    values (${id}, 1, 'sealed', ${new Uint8Array(64)})`;
  assert.equal(
    code(await accounts.post('/v1/account/delete', { password: 'not the password' }, tokens.accessToken)),
    'invalid_credentials',
  );
  assert.equal(
    (await accounts.post('/v1/account/delete', { password: passwordOf('adalovelace') }, tokens.accessToken)).status,
    204,
  );
  assert.equal(accounts.ended[0]?.sessionIds.length, 1);
  assert.equal(code(await accounts.post('/v1/auth/refresh', { refreshToken: tokens.refreshToken })), 'token_invalid');
  assert.equal(code(await login(accounts, 'adalovelace', passwordOf('adalovelace'))), 'invalid_credentials');
  const tables = await accounts.db.sql<
    { name: string }[]
  >`select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`;
  for (const { name } of tables) {
    const rows = await accounts.db.sql<{ text: string }[]>`select t::text as text from ${accounts.db.sql(name)} t`;
    assert.ok(!rows.some((row) => /lovelace|lovely/.test(row.text)), `${name} remembers`);
  }
  const [row] = await accounts.db.sql`select display_name from users where id = ${id}`;
  assert.deepEqual(row, { displayName: 'Deleted account' });
  assert.deepEqual([...(await accounts.db.sql`select user_id from recovery_blobs`)], []);
  await accounts.account('adalovelace');
});

test('people get all that is stored about them as JSON', async () => {
  await using accounts = await testAccounts();
  const id = await accounts.account('ada');
  const { accessToken } = await accounts.login('ada', { name: 'laptop' });
  await accounts.db.sql`update users set avatar = '\\xfbff', avatar_type = 'image/png' where id = ${id}`;
  const answer = await accounts.get('/v1/account/export', accessToken);
  assert.equal(answer.status, 200);
  const body = answer.body as { account: object; sessions: { deviceName: string }[] };
  assert.deepEqual(
    [(body.account as { id: string }).id, (body.account as { email: string }).email],
    [id, 'ada@example.org'],
  );
  assert.deepEqual(Object.keys(body).sort(), ['account', 'blocked', 'conversations', 'recovery', 'sessions']);
  assert.equal(body.sessions[0]?.deviceName, 'laptop');
  assert.equal((body.account as { avatar: string }).avatar, '-_8', 'bytes as everywhere');
  assert.ok(!JSON.stringify(body).includes('$2b$'), 'no password hash');
});

test('calls about the account want a living session', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const { accessToken } = await accounts.login('ada');
  const [head, payload] = [accessToken.slice(0, 20), accessToken.slice(20)];
  for (const token of [undefined, 'nonsense', `${head}${payload[0] === 'A' ? 'B' : 'A'}${payload.slice(1)}`]) {
    const answer = await accounts.post('/v1/account/delete', { password: passwordOf('ada') }, token);
    assert.deepEqual([answer.status, code(answer)], [401, 'unauthenticated']);
  }
  await accounts.db.sql`update users set suspended_at = now()`;
  assert.equal(code(await accounts.get('/v1/account/export', accessToken)), 'account_suspended');
});

test('links that were asked for before the password or the address changed are void, mailed or not', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  const { accessToken } = await accounts.login('ada');
  // Someone with a copied session and the password wants the account to use another address.
  const changeEmail = (email: string, password: string) =>
    accounts.post('/v1/account/email', { password, email }, accessToken);
  assert.equal((await changeEmail('thief@example.org', passwordOf('ada'))).status, 202);
  const [mailed] = await accounts.mails('thief@example.org');
  assert.equal((await changeEmail('thief2@example.org', passwordOf('ada'))).status, 202);
  const wanted = 'a whole new sentence';
  const body = { password: passwordOf('ada'), newPassword: wanted };
  assert.equal((await accounts.post('/v1/account/password', body, accessToken)).status, 204);
  assert.equal(code(await accounts.post('/v1/auth/verify-email', { token: mailed?.token })), 'token_invalid');
  assert.deepEqual(await accounts.mails('thief2@example.org'), []);
  // The old address is not to reset the password any more once the account has another one.
  await accounts.post('/v1/auth/forgot-password', { email: 'ada@example.org' });
  const reset = (await accounts.mails('ada@example.org')).find((mail) => mail.subject === 'Reset your password');
  await accounts.post('/v1/auth/forgot-password', { email: 'ada@example.org' });
  await accounts.db.sql`update mail_outbox set next_try_at = now() + interval '1 hour' where state = 'waiting'`;
  assert.equal((await changeEmail('ada@new.example', wanted)).status, 202);
  const [confirm] = await accounts.mails('ada@new.example');
  assert.equal((await accounts.post('/v1/auth/verify-email', { token: confirm?.token })).status, 204);
  const late = { token: reset?.token, password: 'yet another sentence' };
  assert.equal(code(await accounts.post('/v1/auth/reset-password', late)), 'token_invalid');
  const waiting = await accounts.db
    .sql`select kind from mail_outbox where state = 'waiting' and kind = 'reset_password'`;
  assert.deepEqual([...waiting], []);
});

test('a link whose mail was taken just before the password changed is not made any more', async () => {
  await using accounts = await testAccounts();
  const userId = await accounts.account('ada');
  const { accessToken } = await accounts.login('ada');
  await accounts.mails('ada@example.org');
  await accounts.post('/v1/auth/forgot-password', { email: 'ada@example.org' });
  const [mail] = await takeDueMail(accounts.gate, 60_000, 10);
  assert.equal(mail?.kind, 'reset_password');
  const change = { password: passwordOf('ada'), newPassword: 'another fine sentence' };
  assert.equal((await accounts.post('/v1/account/password', change, accessToken)).status, 204);
  const expiresAt = new Date(Date.now() + 60_000);
  const link = { mailId: mail.id, hash: Buffer.alloc(32), purpose: 'reset_password' as const, userId, expiresAt };
  assert.equal(await addLinkToken(accounts.gate, link), false);
  assert.equal((await accounts.db.sql`select from link_tokens`).length, 0);
});
