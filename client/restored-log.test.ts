import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { keys, outgoing as outgoingSchema, readAll } from './records.ts';
import { memoryStore } from './store.ts';
import { mortal, World } from './testing/world.ts';

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

for (const marked of [false, true]) {
  const how = marked ? 'although the store says that the old log had it' : 'and the store does not say that it has it';
  test(`after a crash in the middle of that the new log gets what only the old one had, ${how}`, async () => {
    const world = new World(7);
    const { server, network, clock } = world;
    const kept = memoryStore();
    const store = mortal(kept);
    let restored = false;
    const device = server.addDevice();
    const ada = await world.device({
      device,
      store: {
        ...store,
        async write(changes) {
          await store.write(changes);
          // The place in the new log is stored: the process dies before it can do anything else.
          if (restored && changes.some(({ key }) => key === keys.received(room))) store.die();
          // Never answered once it is dead.
          return store.write([]);
        },
      },
    });
    const bob = await world.device();
    const room = server.addRoom(device.userId, bob.userId);
    const say = async ({ client }: typeof bob, text: string) => client.send(room, { type: 'text', text });
    const step = async () => {
      for (let n = 0; n < 30; n += 1) {
        await clock.advance(0);
        network.step(() => 0);
      }
    };
    for (const { client } of [ada, bob]) await client.start();
    await world.settle(5_000);
    await say(bob, 'm1');
    await world.settle(5_000);
    const restore = server.backup();
    // Ada waits for m2, so that her own m3 is in the log but not in its place here.
    server.loses = () => true;
    await say(bob, 'm2');
    await step();
    await say(ada, 'm3');
    await step();
    server.loses = () => false;
    const outgoing = async () => readAll(kept, outgoingSchema, { prefix: keys.allOutgoing });
    const [before] = await outgoing();
    assert.equal(before?.stored?.seq, 3);
    network.breakAll();
    restore();
    restored = true;
    await world.settle(60_000);
    assert.deepEqual(
      (await outgoing()).map(({ stored }) => stored),
      [undefined],
    );
    if (marked) await kept.write([{ key: keys.outgoing(before), value: before }]);
    for (const text of ['m4', 'm5', 'm6']) {
      await say(bob, text);
      await world.settle(10_000);
    }

    const again = await world.device({ device, store: kept });
    await again.client.start();
    await world.settle();
    const shown = (again.got.get(room) ?? []).map((line) => line.split(' ')[1]);
    assert.deepEqual(shown.sort(), ['m2', 'm3', 'm4', 'm5', 'm6']);
    assert.equal(server.rooms.get(room)?.log.length, 6);
    assert.deepEqual(world.problems, []);
    for (const { client } of [again, bob]) await client.close();
  });
}

test('a reply of the old log that could not be noted in time does not count in the new one', async () => {
  const world = new World(7);
  const { server, network } = world;
  const kept = memoryStore();
  let replied = false;
  let full = true;
  const ada = await world.device({
    store: {
      ...kept,
      async write(changes) {
        replied ||= changes.some(({ value }) => v.is(v.object({ stored: v.object({}) }), value));
        const isOutgoing = changes.length === 1 && changes[0]?.key.startsWith(keys.allOutgoing);
        if (full && replied && isOutgoing) throw new Error('the disk is full');
        await kept.write(changes);
      },
    },
  });
  const bob = await world.device();
  const room = server.addRoom(ada.userId, bob.userId);
  const say = async ({ client }: typeof bob, text: string) => client.send(room, { type: 'text', text });
  for (const { client } of [ada, bob]) await client.start();
  await world.settle(5_000);
  await say(bob, 'm1');
  await world.settle(5_000);
  const restore = server.backup();
  server.loses = () => true;
  await say(bob, 'm2');
  await world.settle(2_000);
  await say(ada, 'm3');
  await world.settle(100);
  assert.equal(server.rooms.get(room)?.log.length, 3);
  server.loses = () => false;
  network.breakAll();
  restore();
  await world.settle(10_000);
  await say(bob, 'm4');
  world.clock.after(1_000, () => {
    full = false;
  });
  for (const text of ['m5', 'm6']) {
    await say(bob, text);
    await world.settle(10_000);
  }
  const shown = (ada.got.get(room) ?? []).map((line) => line.split(' ')[1]);
  assert.deepEqual(shown.sort(), ['m1', 'm2', 'm3', 'm4', 'm5', 'm6']);
  const { entries } = await pump(world, ada.client.history(room, { limit: 100 }));
  assert.deepEqual(
    entries.map(({ seq, clientId }) => `${seq} ${clientId}`),
    server.rooms.get(room)?.log.map(({ seq, clientId }) => `${seq} ${clientId}`),
    'kept in the order of the restored log',
  );
  for (const { client } of [ada, bob]) await client.close();
});

test('the first message of a device in a conversation is not lost with the log that had it', async () => {
  const world = new World(7);
  const { server, network, clock } = world;
  const ada = await world.device();
  const bob = await world.device();
  const room = server.addRoom(ada.userId, bob.userId);
  const say = async ({ client }: typeof bob, text: string) => client.send(room, { type: 'text', text });
  await bob.client.start();
  await world.settle(5_000);
  await say(bob, 'm1');
  await world.settle(60_000);
  // From before this device was there.
  server.devices.get(ada.deviceId)?.cursors.set(room, 1);
  await ada.client.start();
  await world.settle(5_000);
  const restore = server.backup();
  await say(ada, 'm2');
  const states: string[] = [];
  ada.client.on('message', ({ state }) => states.push(state.is));
  // Its reply has come, but not yet what this device asks to find its place in the log.
  while (!states.includes('stored')) {
    await clock.advance(0);
    network.step(() => 0);
  }
  await clock.advance(0);
  network.breakAll();
  restore();
  await say(bob, 'm3');
  await world.settle();
  const log = server.rooms.get(room)?.log ?? [];
  assert.deepEqual(log.map(({ mls }) => JSON.parse(Buffer.from(mls, 'base64url').toString()).text).sort(), [
    'm1',
    'm2',
    'm3',
  ]);
  assert.deepEqual((ada.got.get(room) ?? []).map((line) => line.split(' ')[1]).sort(), ['m2', 'm3']);
  for (const { client } of [ada, bob]) await client.close();
});

async function pump<T>(world: World, work: Promise<T>): Promise<T> {
  await world.settle(2_000);
  return work;
}
