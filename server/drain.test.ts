import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { closePaced } from './drain.ts';
import { manualClock } from './testing/clock.ts';

const GRACE_MS = 10_000;

/** A connection that remembers what it was told. */
function connection() {
  return {
    requestsInFlight: 0,
    told: [] as number[],
    closed: false,
    announceEnd(_reason: string, reconnectAfterMs: number) {
      this.told.push(reconnectAfterMs);
    },
    end() {
      this.closed = true;
    },
  };
}

function drain(count: number) {
  const sessions = Array.from({ length: count }, connection);
  const clock = manualClock();
  const done = closePaced(sessions, { graceMs: GRACE_MS, clock, random: Math.random });
  return {
    sessions,
    done,
    closed: () => sessions.filter((session) => session.closed).length,
    /** Step by step, since each step is planned by the one before. */
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 50) {
        clock.pass(50);
        await turn();
      }
    },
  };
}

test('all are told at once, each another time to come back, and are closed evenly over the grace period', async () => {
  const { sessions, done, closed, pass } = drain(1_000);
  const told = sessions.flatMap((session) => session.told);
  assert.equal(told.length, 1_000);
  assert.ok(Math.min(...told) >= 100 && Math.max(...told) <= GRACE_MS + 100);
  for (let from = 0; from < GRACE_MS; from += 1_000) {
    const share = told.filter((ms) => ms >= from && ms < from + 1_000).length;
    assert.ok(share > 40 && share < 200, `${share} come back in the second from ${from} ms on`);
  }
  assert.equal(closed(), 0);
  for (let second = 1; second <= 10; second++) {
    await pass(1_000);
    assert.ok(Math.abs(closed() - second * 100) <= 10, `${closed()} are closed after ${second} s`);
  }
  await done;
});

test('a few connections do not wait for the whole grace period', async () => {
  const { done, closed, pass } = drain(5);
  await pass(150);
  assert.equal(closed(), 5);
  await done;
});

test('who still waits for an answer is closed once it is there, and at the end of the grace period at the latest', async () => {
  const { sessions, done, closed, pass } = drain(10);
  const [answered, hanging] = sessions;
  assert.ok(answered && hanging);
  answered.requestsInFlight = hanging.requestsInFlight = 1;
  await pass(1_000);
  assert.equal(closed(), 8);
  answered.requestsInFlight = 0;
  await pass(50);
  assert.ok(answered.closed && !hanging.closed);
  await pass(GRACE_MS - 1_000);
  assert.ok(hanging.closed);
  await done;
});
