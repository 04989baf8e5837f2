import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../server/testing/database.ts';
import { startHaproxy } from '../server/testing/haproxy.ts';
import { startCrowd } from './testing/crowd.ts';
import { startFleet } from './testing/fleet.ts';
import { until } from './testing/running-server.ts';

test('three instances behind HAProxy are restarted one after the other under load', { timeout: 300_000 }, async (t) => {
  await using database = await testDatabase();
  const fleet = await startFleet(t, 3, database);
  const url = await startHaproxy(
    t,
    fleet.instances.map((instance) => instance.port),
  );
  const crowd = await startCrowd(t, fleet, { pairs: 15, everyMs: 150, address: () => url });
  for (const instance of fleet.instances) {
    const before = crowd.stored();
    await until(crowd.clients, () => crowd.stored() > before + 100, 'under load');
    assert.equal(await instance.stop(), 0, 'it ended by itself');
    await instance.start();
  }
  t.diagnostic(`${(await crowd.finish()).messages} messages`);
});
