import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLocalLeases, LEASE_MS } from '../bus/leases.ts';
import { createRedisLeases } from '../bus/redis-leases.ts';
import type { Clock } from '../clock.ts';
import { openGate } from '../store/gate.ts';
import { createPresenceStore, type PresenceStore } from '../store/presence.ts';
import type { Identity } from '../store/store.ts';
import { testDatabase } from '../testing/database.ts';
import { addPerson } from '../testing/people.ts';
import { privateRedis } from '../testing/redis-server.ts';
import { startPresence } from './presence.ts';

/** A clock that stands still until it is moved; what is due then happens in order. */
function handClock(): Clock & { pass(ms: number): Promise<void> } {
  let now = 1_000_000;
  let timers: { at: number; call: () => void }[] = [];
  return {
    now: () => now,
    after(ms, call) {
      const timer = { at: now + ms, call };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    soon: (call) => void setImmediate(call),
    async pass(ms) {
      for (const end = now + ms; ; ) {
        const due = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) {
          now = end;
          return;
        }
        timers = timers.filter((timer) => timer !== due);
        now = due.at;
        due.call();
        // A tick ends by setting the next timer; all that it waits for is in memory.
        await new Promise(setImmediate);
      }
    },
  };
}

/** Instances over one set of leases; everyone may see everyone. */
function world() {
  const clock = handClock();
  const leases = createLocalLeases(clock.now);
  const visible = new Set<string>();
  const users = ['ann', 'bob'];
  const store: PresenceStore = {
    setVisible: ({ userId }, on) => {
      visible[on ? 'add' : 'delete'](userId);
      return Promise.resolve(true);
    },
    visibleAmong: (asked) => Promise.resolve(asked.filter((user) => visible.has(user))),
    audience: (asked) => Promise.resolve(new Map(asked.map((user) => [user, users.filter((other) => other !== user)]))),
  };
  const told: unknown[] = [];
  const failures: unknown[] = [];
  const instance = () => {
    const online = new Set<string>();
    const presence = startPresence({
      leases,
      store,
      clock,
      failed: (error) => failures.push(error),
      hub: {
        connections: () => [...online].map((userId) => connection(userId)),
        state: (viewers, _key, frame) => told.push({ viewers, ...JSON.parse(frame).body }),
      },
    });
    return { online, presence };
  };
  return { clock, leases, visible, told, failures, instance };
}

type Known = Parameters<ReturnType<typeof startPresence>['welcome']>[0];
const connection = (userId: string): Known => ({ userId }) as Known;
const identity = (userId: string): Identity => ({ userId, deviceId: 'd', sessionId: 's' });

test('who wants to be seen comes online within two seconds, once, and stays so while connected anywhere', async () => {
  const { clock, visible, told, instance } = world();
  visible.add('ann');
  const [a, b] = [instance(), instance()];
  a.online.add('ann').add('bob');
  await clock.pass(2_000);
  assert.deepEqual(told, [{ viewers: ['bob'], userId: 'ann', online: true }]);
  b.online.add('ann');
  a.online.delete('ann');
  await clock.pass(10 * LEASE_MS);
  assert.equal(told.length, 1);
});

test('a reconnect goes unnoticed; staying away is told once, with the time', async () => {
  const { clock, visible, told, instance } = world();
  visible.add('ann');
  const [a, b] = [instance(), instance()];
  a.online.add('ann');
  await clock.pass(2_000);
  a.online.delete('ann');
  await clock.pass(LEASE_MS / 2);
  b.online.add('ann');
  await clock.pass(2 * LEASE_MS);
  assert.equal(told.length, 1);
  b.online.delete('ann');
  await clock.pass(2 * LEASE_MS);
  assert.equal(told.length, 2);
  const [, last] = told;
  assert.match(JSON.stringify(last), /"userId":"ann","online":false,"lastSeenAt":"[^"]+Z"/);
});

test('users of an instance that was killed go offline through another one', async () => {
  const { clock, visible, told, instance } = world();
  visible.add('ann');
  const [a] = [instance(), instance()];
  a.online.add('ann');
  await clock.pass(2_000);
  a.presence.stop();
  await clock.pass(LEASE_MS + 2_000);
  assert.equal(told.length, 2);
});

test('becoming visible and invisible is told at once, and the latter without a time', async () => {
  const { clock, told, instance } = world();
  const { online, presence } = instance();
  online.add('ann');
  await clock.pass(2_000);
  assert.deepEqual(told, []);
  await presence.set(identity('ann'), true);
  await clock.pass(1);
  await new Promise(setImmediate);
  await presence.set(identity('ann'), false);
  await new Promise(setImmediate);
  assert.deepEqual(told, [
    { viewers: ['bob'], userId: 'ann', online: true },
    { viewers: ['bob'], userId: 'ann', online: false },
  ]);
  await clock.pass(2 * LEASE_MS);
  assert.equal(told.length, 2);
});

test('hello is followed by who is online', async () => {
  const { clock, visible, instance } = world();
  visible.add('ann');
  const { online, presence } = instance();
  online.add('ann');
  await clock.pass(2_000);
  const frames = await new Promise((resolve) => presence.welcome(connection('bob'), resolve));
  assert.equal(frames, '{"type":"presence.changed","body":{"userId":"ann","online":true}}');
});

test('after a failure everything is done that was to be done', async () => {
  const { clock, visible, told, failures, leases, instance } = world();
  visible.add('ann');
  const { online } = instance();
  const renew = leases.renew;
  leases.renew = () => Promise.reject(new Error('away'));
  online.add('ann');
  await clock.pass(5_000);
  assert.ok(failures.length >= 4);
  leases.renew = renew;
  await clock.pass(2_000);
  assert.equal(told.length, 1);
});

test('only people with an accepted conversation and no block between them see each other', async () => {
  await using db = await testDatabase();
  const gate = openGate(db.url);
  try {
    const store = createPresenceStore(gate);
    const [ann, bob, cat, dan] = [
      await addPerson(db.sql),
      await addPerson(db.sql),
      await addPerson(db.sql),
      await addPerson(db.sql),
    ];
    for (const [other, accepted] of [
      [bob, true],
      [cat, true],
      [dan, false],
    ] as const) {
      await db.sql`with c as (insert into conversations (id, kind) values (gen_random_uuid(), 'direct') returning id)
        insert into conversation_participants (conversation_id, user_id, accepted_at)
        select id, ${ann.userId}::uuid, now() from c union all select id, ${other.userId}, ${accepted ? new Date() : null} from c`;
    }
    await db.sql`insert into blocks (user_id, blocked_id) values (${cat.userId}, ${ann.userId})`;
    assert.deepEqual(await store.audience([ann.userId, dan.userId]), new Map([[ann.userId, [bob.userId]]]));
    assert.deepEqual(await store.visibleAmong([ann.userId, bob.userId]), []);
    assert.equal(await store.setVisible(ann, true), true);
    assert.deepEqual(await store.visibleAmong([ann.userId, bob.userId]), [ann.userId]);
    await db.sql`update sessions set ended_at = now(), ended_reason = 'logged_out' where id = ${ann.sessionId}`;
    assert.equal(await store.setVisible(ann, false), false);
  } finally {
    await gate.close();
  }
});

test('leases in Redis behave as those in memory, and fail fast while it is away', { timeout: 60_000 }, async () => {
  await using redis = await privateRedis();
  const leases = createRedisLeases({ kind: 'server', url: redis.url });
  try {
    let came: readonly string[] | undefined;
    // The connection is being made; until then calls fail rather than wait.
    while (came === undefined)
      came = await leases
        .renew(['ann', 'bob'])
        .catch(() => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined))));
    assert.deepEqual(came, ['ann', 'bob']);
    assert.deepEqual(await leases.renew(['ann', 'cat']), ['cat']);
    await leases.end('cat');
    assert.deepEqual(await leases.online(['ann', 'bob', 'cat', 'dan']), ['ann', 'bob']);
    assert.deepEqual(await leases.sweep(), []);
    const passed = Date.now() - 5_000;
    await redis.cli('zadd', 'sotto:presence', String(passed), 'ann');
    assert.deepEqual(await leases.sweep(), [{ userId: 'ann', seenAt: passed - LEASE_MS }]);
    assert.deepEqual(await leases.renew(['ann', 'bob']), ['ann']);
    await redis.kill();
    const start = performance.now();
    await assert.rejects(leases.renew(['ann']));
    assert.ok(performance.now() - start < 2_000);
  } finally {
    leases.close();
  }
});
