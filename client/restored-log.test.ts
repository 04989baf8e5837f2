import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { World } from './testing/world.ts';

test('after a restore from a backup nothing is shown twice, and what was lost is sent again', async () => {
  await fc.assert(fc.asyncProperty(fc.integer(), restoreOnce), { numRuns: 25, includeErrorInReport: true });
});

async function restoreOnce(seed: number): Promise<void> {
  const world = new World(seed);
  const { server, network, pick, chance, clock } = world;
  const ada = await world.device();
  const bob = await world.device();
  const devices = [ada, bob];
  const room = server.addRoom(ada.userId, bob.userId);
  for (const { client } of devices) await client.start();
  await world.settle(5_000);

  let sent = 0;
  const write = async (count: number) => {
    for (let n = 0; n < count; n += 1) {
      sent += 1;
      await devices[pick(2)]?.client.send(room, { type: 'text', text: `m${sent}` });
      for (let step = pick(8); step > 0; step -= 1) if (!network.step(pick)) await clock.advance(100);
      if (chance(0.3)) await clock.advance(pick(300));
    }
  };
  await write(3 + pick(6));
  if (chance(0.7)) await world.settle(5_000);
  const restore = server.backup();
  await write(1 + pick(6));
  if (chance(0.7)) await world.settle(5_000);
  network.breakAll();
  restore();
  await write(pick(4));
  await world.settle();

  const wanted = Array.from({ length: sent }, (_, n) => `m${n + 1}`).sort();
  const log = (server.rooms.get(room)?.log ?? []).map(
    ({ mls }) => JSON.parse(Buffer.from(mls, 'base64url').toString()).text,
  );
  assert.deepEqual([...log].sort(), wanted, 'the restored server has everything again');
  for (const { got, client } of devices) {
    const texts = (got.get(room) ?? []).map((line) => line.split(' ')[1]);
    assert.deepEqual([...texts].sort(), wanted, 'shown once each');
    const { entries } = await pump(world, client.history(room, { limit: 100 }));
    assert.deepEqual(
      entries.map(({ content }) => content?.text),
      log,
      'kept in the order of the restored log',
    );
  }
  assert.deepEqual(world.problems, []);
  for (const { client } of devices) await client.close();
}

async function pump<T>(world: World, work: Promise<T>): Promise<T> {
  await world.settle(2_000);
  return work;
}
