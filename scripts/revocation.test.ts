import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHttp } from '../client/http.ts';
import { createPasswords } from '../server/accounts/passwords.ts';
import { testDatabase } from '../server/testing/database.ts';
import { type Instance, startFleet } from './testing/fleet.ts';
import { greet, openRaw, type RawSocket } from './testing/raw-socket.ts';
import { PASSWORD } from './testing/running-server.ts';

const WITHIN_MS = 1_000;
const WITHIN_MS_WITHOUT_REDIS = 5_000;

test('whatever ends a session closes its socket on another instance within a second, and its tokens fail everywhere at once', async (t) => {
  await using database = await testDatabase();
  const fleet = await startFleet(t, 2, database);
  const [here, there] = fleet.instances;
  assert.ok(here && there);
  const { sql } = database;
  const passwordHash = await (await createPasswords({ cost: 4 })).hash(PASSWORD);

  const device = async (login: string, instance: Instance, name: string) => {
    const tokens = await createHttp(instance).login({ login, password: PASSWORD, device: { name } });
    return { ...tokens, instance, socket: await greet(instance.url, tokens.accessToken) };
  };
  type Device = Awaited<ReturnType<typeof device>>;

  /** Somebody with one device that acts, and one on each instance that is to lose its session. */
  const somebody = async (name: string) => {
    await sql`insert into users (username, email, password_hash, display_name)
      values (${name}, ${`${name}@example.org`}, ${passwordHash}, ${name})`;
    return {
      acting: await device(name, here, 'acting'),
      losing: [await device(name, here, 'near'), await device(name, there, 'far')] as const,
    };
  };

  const dead = async ({ accessToken, refreshToken }: Device, code: number): Promise<void> => {
    for (const instance of [here, there]) {
      const [refreshed, exported, hello] = await Promise.all([
        createHttp(instance)
          .refresh({ refreshToken })
          .catch((error) => error.code),
        createHttp(instance)
          .exportAccount(accessToken)
          .catch((error) => error.code),
        helloRefused(instance, accessToken),
      ]);
      const suspended = code === 4503;
      assert.equal(refreshed, suspended ? 'account_suspended' : 'token_invalid');
      assert.equal(exported, suspended ? 'account_suspended' : 'unauthenticated');
      assert.equal(hello, code);
    }
  };

  const watch = async (
    what: string,
    devices: readonly Device[],
    expected: [number, string],
    act: () => Promise<unknown>,
  ) => {
    await act();
    const began = performance.now();
    // Before the sockets are looked at: the tokens depend on no message that has to arrive.
    await Promise.all(devices.map((each) => dead(each, expected[0])));
    const ends = await Promise.all(devices.map(({ socket }) => socket.closed));
    for (const { code, reason } of ends) assert.deepEqual([code, reason], expected, what);
    return Math.max(...ends.map(({ at }) => at)) - began;
  };

  const inTime = (what: string, ms: number, within = WITHIN_MS) => {
    t.diagnostic(`${what}: sockets closed ${Math.round(ms)} ms after the answer`);
    assert.ok(ms < within, `${what}: ${ms} ms`);
  };

  await t.test('device.revoke', async () => {
    const { acting, losing } = await somebody('revoker');
    for (const each of losing) {
      const revoke = async () =>
        assert.equal((await acting.socket.ask('device.revoke', { deviceId: each.deviceId })).type, 'reply');
      inTime('device.revoke', await watch('device.revoke', [each], [4502, 'revoked'], revoke));
    }
    assert.equal((await acting.socket.ask('ping', {})).type, 'reply');
  });

  await t.test('logout, asked of either instance', async () => {
    const { acting, losing } = await somebody('leaver');
    for (const each of losing) {
      const other = each.instance === here ? there : here;
      inTime(
        'logout',
        await watch('logout', [each], [4502, 'logged_out'], () => createHttp(other).logout(each.accessToken)),
      );
    }
    assert.equal((await acting.socket.ask('ping', {})).type, 'reply');
  });

  await t.test('a changed password', async () => {
    const { acting, losing } = await somebody('changer');
    const change = () =>
      createHttp(here).changePassword(acting.accessToken, { password: PASSWORD, newPassword: `${PASSWORD} again` });
    inTime('a changed password', await watch('a changed password', losing, [4502, 'password_changed'], change));
    assert.equal((await acting.socket.ask('ping', {})).type, 'reply', 'whoever changed it stays');
  });

  await t.test('a suspension', async () => {
    const { acting, losing } = await somebody('suspended');
    const { acting: admin } = await somebody('admin');
    await sql`update users set role = 'admin' where username = 'admin'`;
    const suspend = async () => {
      const response = await fetch(`${here.adminUrl}/v1/admin/users/${acting.userId}/suspend`, {
        method: 'POST',
        headers: { authorization: `Bearer ${admin.accessToken}` },
      });
      assert.equal(response.status, 200);
    };
    inTime('a suspension', await watch('a suspension', [acting, ...losing], [4503, 'account_suspended'], suspend));
    const headers = { authorization: `Bearer ${admin.accessToken}` };
    const stats = (await (await fetch(`${here.adminUrl}/v1/admin/stats`, { headers })).json()) as {
      mailJobs: number;
      live: { sockets: number; messagesPerMinute: number; requestsInFlight: object; queues: object };
    };
    assert.ok(stats.live.sockets >= 1);
    assert.deepEqual(
      [stats.mailJobs, stats.live.messagesPerMinute, stats.live.requestsInFlight, stats.live.queues],
      [0, 0, {}, { hellos: 0, sends: 0, marks: 0, log_reads: 0, bus_characters: 0 }],
    );
    await assert.rejects(device('suspended', there, 'again'), { code: 'account_suspended' });
  });

  await t.test('a changed password while Redis is away', async () => {
    const { acting, losing } = await somebody('lonely');
    await fleet.redis.kill();
    const change = () =>
      createHttp(here).changePassword(acting.accessToken, { password: PASSWORD, newPassword: `${PASSWORD} again` });
    const ms = await watch('without Redis', losing, [4502, 'password_changed'], change);
    inTime('without Redis', ms, WITHIN_MS_WITHOUT_REDIS);
  });
});

/** The close code. The word that a session has ended may come just while it says hello, and then goes first. */
async function helloRefused({ url }: Instance, token: string): Promise<number> {
  const socket: RawSocket = await openRaw(url);
  const said = await socket.ask('hello', { token }).catch(() => undefined);
  assert.notEqual(said?.type, 'reply');
  return (await socket.closed).code;
}
