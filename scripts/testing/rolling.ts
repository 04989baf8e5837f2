import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Client } from '../../client/index.ts';
import { testDatabase } from '../../server/testing/database.ts';
import { startHaproxy } from '../../server/testing/haproxy.ts';
import { startCrowd } from './crowd.ts';
import { startFleet } from './fleet.ts';
import { until } from './running-server.ts';

/** A timer and a clock may differ by this. */
const TIMER_MS = 10;

/** Restarts three instances behind HAProxy one after the other, while pairs of people write to each other. */
export async function restartInTurn(
  t: TestContext,
  options: { pairs: number; everyMs: number; how: 'SIGTERM' | 'SIGKILL' },
): Promise<void> {
  await using database = await testDatabase();
  const fleet = await startFleet(t, 3, database);
  const url = await startHaproxy(
    t,
    fleet.instances.map((instance) => instance.port),
  );
  const crowd = await startCrowd(t, fleet, { ...options, address: () => url });
  const returns = crowd.clients.map(watchReturn);
  for (const instance of fleet.instances) {
    const before = crowd.stored();
    await until(crowd.clients, () => crowd.stored() > before + 5 * options.pairs, 'under load');
    if (options.how === 'SIGTERM') assert.equal(await instance.stop(), 0, 'it ended by itself');
    else await instance.kill();
    await instance.start();
  }
  const { messages } = await crowd.finish(120_000);
  const came = returns.flatMap((of) => of());
  t.diagnostic(`${messages} messages, ${came.length} came back at the time they were told`);
  if (options.how === 'SIGKILL') return;
  assert.ok(came.length >= crowd.clients.length, 'each was told at least once');
  for (const { toldMs, waitedMs } of came)
    assert.ok(waitedMs >= toldMs - TIMER_MS, `told to wait ${toldMs} ms, waited ${waitedMs}`);
  const told = came.map(({ toldMs }) => toldMs);
  assert.ok(Math.max(...told) - Math.min(...told) > 300, `spread: ${told}`);
}

/** When a client was told to come back, and when it did. */
function watchReturn(client: Client): () => readonly { toldMs: number; waitedMs: number }[] {
  const came: { toldMs: number; waitedMs: number }[] = [];
  let toldMs: number | undefined;
  let since: number | undefined;
  client.on('session.ending', ({ reconnectAfterMs }) => {
    toldMs = reconnectAfterMs;
  });
  client.on('connection', (state) => {
    if (state.is === 'waiting' && toldMs !== undefined) since = Date.now();
    if (state.is !== 'connecting' || toldMs === undefined || since === undefined) return;
    came.push({ toldMs, waitedMs: Date.now() - since });
    toldMs = since = undefined;
  });
  return () => came;
}
