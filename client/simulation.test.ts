import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { memoryStore } from './store.ts';
import type { SimDevice } from './testing/sim-device.ts';
import { mortal, World } from './testing/world.ts';

const RUNS = Number(process.env.SIMULATION_RUNS ?? 40);
const STEPS = 250;

test('whatever breaks, every device is given every entry once and in order, and every message is stored once', async () => {
  await fc.assert(fc.asyncProperty(fc.integer(), walk), { numRuns: RUNS, includeErrorInReport: true });
});

async function walk(seed: number): Promise<void> {
  const world = new World(seed);
  const { server, network, clock, pick, chance } = world;
  server.fault = () =>
    chance(0.15) ? { code: chance(0.5) ? 'unavailable' : 'rate_limited', stored: chance(0.5) } : {};
  server.loses = () => chance(0.1);

  const alice = await makeMortal(world);
  const devices = [alice, await makeMortal(world, alice.device.userId), await makeMortal(world)];
  const [, , bob] = devices;
  const rooms = [1, 2].map(() => server.addRoom(alice.device.userId, bob?.device.userId ?? ''));
  for (const { device } of devices) await device.client.start();
  await world.settle(5_000);

  let sent = 0;
  const texts: { room: string; text: string }[] = [];
  const send = async (device: SimDevice) => {
    const room = rooms[pick(rooms.length)] ?? '';
    sent += 1;
    const text = `m${sent}`;
    texts.push({ room, text });
    await device.client.send(room, { type: 'text', text });
  };
  for (let step = 0; step < STEPS; step += 1) {
    const some = devices[pick(devices.length)];
    if (some === undefined) continue;
    const dice = world.random();
    if (dice < 0.12) await send(some.device);
    else if (dice < 0.14) [...network.links][pick(network.links.size)]?.break(chance(0.5) ? 1006 : 4001);
    else if (dice < 0.15) network.breakAll();
    else if (dice < 0.16) await some.crash();
    else if (dice < 0.42) await clock.advance(pick(400));
    else network.step(pick);
    if (chance(0.5)) await clock.advance(0);
  }
  server.fault = () => ({});
  server.loses = () => false;
  network.breakAll();
  await world.settle();

  for (const room of rooms) {
    const log = server.rooms.get(room)?.log ?? [];
    const stored = log.map((entry) => textOf(entry.mls));
    assert.deepEqual(
      [...stored].sort(),
      texts
        .filter((each) => each.room === room)
        .map((each) => each.text)
        .sort(),
    );
    for (const { device } of devices) {
      const expected = log.map((entry) => `${entry.seq} ${textOf(entry.mls)}`);
      assert.deepEqual(device.got.get(room) ?? [], expected, `what ${device.deviceId} was given`);
      assert.equal(server.devices.get(device.deviceId)?.cursors.get(room) ?? 0, log.length, 'acknowledged');
      // In the order in which this device sent them.
      const mine = log
        .filter((entry) => entry.senderDeviceId === device.deviceId)
        .map((entry) => Number(textOf(entry.mls).slice(1)));
      assert.deepEqual(
        mine,
        [...mine].sort((a, b) => a - b),
      );
      assert.deepEqual(device.client.outgoing(room), []);
    }
  }
  for (const { device } of devices) await device.client.close();
  assert.deepEqual(world.problems, []);
}

const textOf = (mls: string): string => String(JSON.parse(Buffer.from(mls, 'base64url').toString()).text);

/** A device whose process can be killed at any moment, and comes back with what its store holds. */
async function makeMortal(world: World, userId?: string) {
  const disk = memoryStore();
  let store = mortal(disk);
  const first = await world.device(userId === undefined ? { store } : { store, userId });
  const self = {
    device: first,
    async crash() {
      store.die();
      self.device.client.close().catch(() => undefined);
      store = mortal(disk);
      const { got, userId: user, deviceId } = self.device;
      self.device = await world.device({ store, got, device: { userId: user, deviceId } });
      await self.device.client.start();
    },
  };
  return self;
}
