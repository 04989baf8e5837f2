import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { RequestError } from '../errors.ts';
import { createLog } from '../log.ts';
import { type TestAccounts, testAccounts } from '../testing/accounts.ts';
import { deviceHandlers } from './device.ts';
import type { Context } from './handler.ts';
import { profileHandlers } from './profile.ts';
import { userHandlers } from './user.ts';

async function personOf(accounts: TestAccounts, name: string, device = 'phone') {
  const tokens = await accounts.login(name, { name: device });
  const session = await accounts.deps.tokens.verify(tokens.accessToken);
  const identity = { userId: tokens.userId, deviceId: tokens.deviceId, sessionId: session?.sessionId ?? '' };
  const connection = { ...identity, connectionNo: 1, newestNo: 1, heard: true, outbox: undefined as never, close() {} };
  const context: Context = { connection, log: createLog('silent') };
  return { tokens, identity, context };
}

const refusal = (code: string) => (error: unknown) => error instanceof RequestError && error.code === code;

const png = Buffer.from('89504e470d0a1a0a0000', 'hex').toString('base64url');

test('a profile is changed by its owner and seen by others, without anything private', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  await accounts.account('bob');
  const ada = await personOf(accounts, 'ada');
  const bob = await personOf(accounts, 'bob');
  const handlers = profileHandlers(accounts.deps);
  await handlers['profile.update'](
    { displayName: 'Ada L.', about: 'numbers', avatar: { type: 'image/png', data: png } },
    ada.context,
  );
  const seen = await handlers['user.find']({ username: 'ada' }, bob.context);
  const expected = {
    userId: ada.identity.userId,
    username: 'ada',
    displayName: 'Ada L.',
    about: 'numbers',
    avatar: { type: 'image/png', data: png },
  };
  assert.deepEqual(seen, { profile: expected });
  assert.deepEqual(await handlers['profile.get']({ userId: ada.identity.userId }, bob.context), { profile: expected });
  assert.deepEqual(accounts.told, [{ conversationIds: [] }], 'nobody shares a conversation with her');
  await handlers['profile.update']({ avatar: null }, ada.context);
  const { avatar: _, ...without } = expected;
  assert.deepEqual(await handlers['profile.get']({}, ada.context), { profile: without });
  const jpeg = { type: 'image/jpeg' as const, data: png };
  await assert.rejects(async () => handlers['profile.update']({ avatar: jpeg }, ada.context), refusal('bad_request'));
  await assert.rejects(async () => handlers['user.find']({ username: 'ad' }, bob.context), refusal('not_found'));
  await accounts.post('/v1/account/delete', { password: 'correct ada staple' }, ada.tokens.accessToken);
  await assert.rejects(
    async () => handlers['profile.get']({ userId: ada.identity.userId }, bob.context),
    refusal('not_found'),
  );
});

test('people are blocked and unblocked, but not oneself and not nobody', async () => {
  await using accounts = await testAccounts();
  const bob = await accounts.account('bob');
  await accounts.account('ada');
  const ada = await personOf(accounts, 'ada');
  const handlers = userHandlers(accounts.deps);
  await handlers['user.block']({ userId: bob }, ada.context);
  await handlers['user.block']({ userId: bob }, ada.context);
  assert.deepEqual(
    [...(await accounts.db.sql`select user_id, blocked_id from blocks`)],
    [{ userId: ada.identity.userId, blockedId: bob }],
  );
  await assert.rejects(
    async () => handlers['user.block']({ userId: ada.identity.userId }, ada.context),
    refusal('bad_request'),
  );
  await assert.rejects(
    async () => handlers['user.block']({ userId: crypto.randomUUID() }, ada.context),
    refusal('not_found'),
  );
  await handlers['user.unblock']({ userId: bob }, ada.context);
  assert.equal((await accounts.db.sql`select from blocks`).length, 0);
});

test('a revoked device is gone from the list, its sockets are told, its tokens are dead, and nobody else can revoke it', async () => {
  await using accounts = await testAccounts();
  await accounts.account('ada');
  await accounts.account('eve');
  const phone = await personOf(accounts, 'ada', 'phone');
  const laptop = await personOf(accounts, 'ada', 'laptop');
  const eve = await personOf(accounts, 'eve');
  const told: unknown[] = [];
  const hub = {
    end: (...what: unknown[]) => void told.push(['end', ...what]),
    state: (users: readonly string[], key: string, frame: string) =>
      void told.push(['state', users, key, JSON.parse(frame)]),
  };
  const handlers = deviceHandlers({
    gate: accounts.gate,
    hub,
    limits: accounts.deps.limits,
    checkRevocation: () => Promise.resolve(),
  });
  const list = async () => {
    const { devices } = (await handlers['device.list']({}, phone.context)) as {
      devices: { name: string; current: boolean }[];
    };
    return devices.map(({ name, current }) => [name, current]);
  };
  assert.deepEqual(await list(), [
    ['phone', true],
    ['laptop', false],
  ]);
  const { userId, deviceId, sessionId } = laptop.identity;
  await assert.rejects(async () => handlers['device.revoke']({ deviceId }, eve.context), refusal('not_found'));
  await handlers['device.revoke']({ deviceId }, phone.context);
  assert.deepEqual(await list(), [['phone', true]]);
  await turn();
  const changed = { type: 'device.changed', body: { userId, version: 1 } };
  assert.deepEqual(told, [
    ['state', [userId], `devices:${userId}`, changed],
    ['end', userId, [sessionId], 4502, 'revoked'],
  ]);
  assert.equal((await accounts.get('/v1/account/export', laptop.tokens.accessToken)).status, 401);
  assert.equal((await accounts.post('/v1/auth/refresh', { refreshToken: laptop.tokens.refreshToken })).status, 401);
  const back = await accounts.login('ada', { name: 'laptop', id: deviceId, refreshToken: laptop.tokens.refreshToken });
  assert.notEqual(back.deviceId, deviceId, 'a revoked device stays gone');
  await assert.rejects(async () => handlers['device.revoke']({ deviceId }, phone.context), refusal('not_found'));
});
