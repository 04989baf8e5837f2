import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passwordOf, type TestAccounts, testAccounts } from '../testing/accounts.ts';

const code = (answer: { body: unknown }): string | undefined =>
  (answer.body as { error?: { code?: string } }).error?.code;

async function administrator(accounts: TestAccounts): Promise<string> {
  const id = await accounts.account('root');
  const { accessToken } = await accounts.login('root');
  await accounts.db.sql`update users set role = 'admin' where id = ${id}`;
  return accessToken;
}

test('only an administrator may use the calls of administration, and no call makes one', async () => {
  await using accounts = await testAccounts();
  const sent = { username: 'eve', email: 'eve@example.org', password: passwordOf('eve'), role: 'admin', isAdmin: true };
  await accounts.post('/v1/auth/register', sent);
  const [mail] = await accounts.mails('eve@example.org');
  await accounts.post('/v1/auth/verify-email', { token: mail?.token, role: 'admin' });
  const { accessToken, userId } = await accounts.login('eve');
  assert.deepEqual([...(await accounts.db.sql`select role from users`)], [{ role: 'user' }]);
  const gets = ['users', `users/${userId}`, 'stats', 'audit'];
  const posts = ['suspend', 'reinstate', 'revoke-sessions'].map((act) => `users/${userId}/${act}`);
  for (const path of gets) {
    assert.equal(code(await accounts.get(`/v1/admin/${path}`)), 'unauthenticated', path);
    assert.equal(code(await accounts.get(`/v1/admin/${path}`, accessToken)), 'forbidden', path);
  }
  for (const path of posts) {
    assert.equal(code(await accounts.post(`/v1/admin/${path}`, {})), 'unauthenticated', path);
    assert.equal(code(await accounts.post(`/v1/admin/${path}`, {}, accessToken)), 'forbidden', path);
  }
  assert.equal((await accounts.db.sql`select from audit_log`).length, 0);
});

test('a suspended account can neither log in nor refresh nor call, its sockets close, and all is back afterwards', async () => {
  await using accounts = await testAccounts();
  const admin = await administrator(accounts);
  const ada = await accounts.account('ada');
  const tokens = await accounts.login('ada');
  const suspend = await accounts.post(`/v1/admin/users/${ada}/suspend`, {}, admin);
  assert.deepEqual([suspend.status, suspend.body], [200, { changed: true }]);
  assert.deepEqual([accounts.ended[0]?.code, accounts.ended[0]?.reason], [4503, 'account_suspended']);
  assert.equal(accounts.ended[0]?.sessionIds.length, 1);
  const login = { login: 'ada', password: passwordOf('ada'), device: { name: 'phone' } };
  assert.equal(code(await accounts.post('/v1/auth/login', login)), 'account_suspended');
  assert.equal(
    code(await accounts.post('/v1/auth/login', { ...login, password: 'wrong password' })),
    'invalid_credentials',
    'only the right password learns of it',
  );
  assert.equal(
    code(await accounts.post('/v1/auth/refresh', { refreshToken: tokens.refreshToken })),
    'account_suspended',
  );
  assert.equal(code(await accounts.get('/v1/account/export', tokens.accessToken)), 'account_suspended');
  await accounts.post(`/v1/admin/users/${ada}/reinstate`, {}, admin);
  assert.equal((await accounts.post('/v1/auth/refresh', { refreshToken: tokens.refreshToken })).status, 200);
});

test('administrative acts are written down with who, what, whom and from where', async () => {
  await using accounts = await testAccounts();
  const admin = await administrator(accounts);
  const ada = await accounts.account('ada');
  await accounts.login('ada');
  await accounts.post(`/v1/admin/users/${ada}/revoke-sessions`, {}, admin);
  assert.deepEqual([accounts.ended[0]?.code, accounts.ended[0]?.reason], [4502, 'revoked']);
  await accounts.post(`/v1/admin/users/${ada}/suspend`, {}, admin);
  const again = await accounts.post(`/v1/admin/users/${ada}/suspend`, {}, admin);
  assert.deepEqual(again.body, { changed: false });
  const answer = await accounts.get('/v1/admin/audit', admin);
  const entries = (answer.body as { entries: Record<string, unknown>[] }).entries;
  assert.deepEqual(
    entries.map(({ actor, action, target, origin, details }) => ({ actor, action, target, origin, details })),
    [
      { actor: 'root', action: 'suspend', target: 'ada', origin: '127.0.0.1', details: {} },
      { actor: 'root', action: 'revoke-sessions', target: 'ada', origin: '127.0.0.1', details: { sessions: 1 } },
    ],
  );
  const root = (await accounts.db.sql<{ id: string }[]>`select id from users where username = 'root'`)[0]?.id;
  assert.equal(code(await accounts.post(`/v1/admin/users/${root}/suspend`, {}, admin)), 'conflict', 'not oneself');
  assert.equal(code(await accounts.post('/v1/admin/users/nonsense/suspend', {}, admin)), 'bad_request');
  assert.equal(code(await accounts.post(`/v1/admin/users/${crypto.randomUUID()}/suspend`, {}, admin)), 'not_found');
});

test('the audit log is read in pages, newest first', async () => {
  await using accounts = await testAccounts();
  const admin = await administrator(accounts);
  await accounts.db.sql`insert into audit_log (at, actor, action, origin)
    select now() - n * interval '1 minute', 'root', 'act ' || n, 'console' from generate_series(1, 9) n`;
  const page = async (query: string) =>
    (await accounts.get(`/v1/admin/audit?${query}`, admin)).body as { entries: { action: string }[]; before?: string };
  const first = await page('limit=5');
  const rest = await page(`limit=5&before=${first.before}`);
  const actions = [...first.entries, ...rest.entries].map(({ action }) => action);
  assert.deepEqual(actions, ['act 1', 'act 2', 'act 3', 'act 4', 'act 5', 'act 6', 'act 7', 'act 8', 'act 9']);
});

test('an administrator lists accounts in pages, looks at one, and sees counts', async () => {
  await using accounts = await testAccounts();
  const admin = await administrator(accounts);
  for (const name of ['ada', 'adam', 'bob']) await accounts.account(name);
  const list = async (query: string) =>
    (await accounts.get(`/v1/admin/users?${query}`, admin)).body as {
      users: { username: string; id: string }[];
      after?: string;
    };
  const first = await list('limit=2');
  assert.deepEqual(
    first.users.map((user) => user.username),
    ['ada', 'adam'],
  );
  assert.deepEqual(
    (await list(`limit=2&after=${first.after}`)).users.map((user) => user.username),
    ['bob', 'root'],
  );
  assert.deepEqual(
    (await list('search=ada')).users.map((user) => user.username),
    ['ada', 'adam'],
  );
  assert.deepEqual(
    (await list('search=bob@example.org')).users.map((user) => user.username),
    ['bob'],
  );
  assert.equal(code(await accounts.get('/v1/admin/users?limit=x', admin)), 'bad_request');
  const one = await accounts.get(`/v1/admin/users/${first.users[0]?.id}`, admin);
  assert.deepEqual(Object.keys((one.body as { user: object }).user).includes('passwordHash'), false);
  const stats = (await accounts.get('/v1/admin/stats', admin)).body as Record<string, unknown>;
  assert.deepEqual([stats.users, stats.devices, stats.mailsWaiting], [4, 1, 0]);
});
