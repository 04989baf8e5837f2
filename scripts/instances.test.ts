import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../server/testing/database.ts';
import { eventually } from '../server/testing/eventually.ts';
import { startCrowd } from './testing/crowd.ts';
import { type Fleet, type Instance, startFleet } from './testing/fleet.ts';
import { until } from './testing/running-server.ts';

/** Each pair starts on two instances; a client whose instance is gone goes to the next one that lives. */
function spread({ instances }: Fleet): { address: (index: number) => string; gone: Set<Instance> } {
  const gone = new Set<Instance>();
  return {
    gone,
    address(index) {
      const living = instances.filter((instance) => !gone.has(instance));
      return (living[index % living.length] ?? instances[0])?.url ?? '';
    },
  };
}

test('several instances on one database and one Redis', { timeout: 300_000 }, async (t) => {
  await using database = await testDatabase();
  const fleet = await startFleet(t, 2, database);
  const [first, second] = fleet.instances;
  assert.ok(first && second);

  await t.test('an instance is killed with -9 under load, and the devices resume on the other', async (t) => {
    const { address, gone } = spread(fleet);
    const crowd = await startCrowd(t, fleet, { pairs: 10, everyMs: 100, address });
    await until(crowd.clients, () => crowd.stored() > 100, 'under load');
    gone.add(first);
    await first.kill();
    const before = crowd.stored();
    await until(crowd.clients, () => crowd.stored() > before + 200, 'goes on');
    t.diagnostic(`${(await crowd.finish()).messages} messages`);
    await first.start();
  });

  await t.test('Redis is away for ten seconds under load: everything arrives soon after its return', async (t) => {
    const crowd = await startCrowd(t, fleet, { pairs: 10, everyMs: 200, address: spread(fleet).address });
    await until(crowd.clients, () => crowd.stored() > 100, 'under load');
    await fleet.redis.kill();
    await eventually(
      async () => (await first.away())?.includes('redis') === true,
      'it says that Redis is away',
      10_000,
    );
    assert.equal((await fetch(`${first.url}/readyz`)).status, 200, 'degraded, but in service');
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    await fleet.redis.start();
    const back = performance.now();
    const { messages } = await crowd.finish(5_000);
    const took = performance.now() - back;
    t.diagnostic(`${messages} messages, all there ${Math.round(took)} ms after Redis`);
    assert.ok(took < 5_000);
  });

  await t.test('every connection to PostgreSQL is cut under load', async (t) => {
    const crowd = await startCrowd(t, fleet, { pairs: 10, everyMs: 100, address: spread(fleet).address });
    for (let round = 1; round <= 5; round++) {
      const before = crowd.stored();
      await fleet.sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`;
      await until(crowd.clients, () => crowd.stored() > before + 100, 'goes on');
    }
    t.diagnostic(`${(await crowd.finish()).messages} messages`);
  });
});
