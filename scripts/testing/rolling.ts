import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { testDatabase } from '../../server/testing/database.ts';
import { startHaproxy } from '../../server/testing/haproxy.ts';
import { startCrowd } from './crowd.ts';
import { startFleet } from './fleet.ts';
import { until } from './running-server.ts';

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
  for (const instance of fleet.instances) {
    const before = crowd.stored();
    await until(crowd.clients, () => crowd.stored() > before + 5 * options.pairs, 'under load');
    if (options.how === 'SIGTERM') assert.equal(await instance.stop(), 0, 'it ended by itself');
    else await instance.kill();
    await instance.start();
  }
  t.diagnostic(`${(await crowd.finish(120_000)).messages} messages`);
}
