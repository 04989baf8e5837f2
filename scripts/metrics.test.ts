import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../server/testing/database.ts';
import { eventually } from '../server/testing/eventually.ts';
import { startCrowd } from './testing/crowd.ts';
import { startFleet } from './testing/fleet.ts';
import { until } from './testing/running-server.ts';

test('after traffic within and across instances, every number that is promised has been counted', {
  timeout: 110_000,
}, async (t) => {
  await using database = await testDatabase();
  const fleet = await startFleet(t, 2, database);
  const [first, second] = fleet.instances;
  assert.ok(first && second);
  // The first pair is on two instances, the second pair on one.
  const address = (index: number): string => (index === 1 ? second.url : first.url);
  const crowd = await startCrowd(t, fleet, { pairs: 2, everyMs: 20, address });
  await until(crowd.clients, () => crowd.stored() >= 200, 'traffic');
  await fleet.sql`insert into mail_outbox (kind, address, next_try_at)
    values ('new_device', 'ada@example.org', now() + interval '1 hour')`;

  const numbers = await scrape(first.adminUrl);
  const counted = (name: string): number => {
    const value = numbers.get(`sotto_${name}`);
    assert.ok(value !== undefined, `${name} is missing`);
    return value;
  };
  for (const name of [
    'send_acknowledged_seconds',
    'send_delivered_seconds',
    'bus_delivered_seconds',
    'bus_lag_seconds',
    'batch_messages',
    'commit_seconds',
  ]) {
    assert.ok(counted(`${name}_count`) > 0, `${name} was never observed`);
    assert.ok(counted(`${name}_sum`) > 0, `${name} was only observed as 0`);
  }
  assert.equal(counted('sockets{state="ready"}'), 3);
  assert.equal(counted('mails_waiting'), 1);
  assert.ok(counted('batch_messages_sum') >= counted('send_acknowledged_seconds_count') * 8, 'one send in 16 is timed');
  for (const queue of ['sends', 'marks', 'log_reads', 'bus_characters']) counted(`queue_depth{queue="${queue}"}`);
  for (const what of ['unacknowledged', 'behind', 'congested']) counted(`outbox_depth{what="${what}"}`);
  for (const kind of ['append', 'read', 'background']) counted(`gate_wait_seconds_count{class="${kind}"}`);
  assert.ok((numbers.get('nodejs_eventloop_lag_mean_seconds') ?? 0) > 0);
  const families = [...numbers.keys()].filter((name) => name.startsWith('sotto_'));
  assert.ok(families.length < 400, `${families.length} series`);

  await crowd.finish();
  await eventually(
    async () => (await scrape(first.adminUrl)).get('sotto_outbox_depth{what="unacknowledged"}') === 0,
    'everything was acknowledged',
  );
});

/** The value of each series. */
async function scrape(adminUrl: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}
