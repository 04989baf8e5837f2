import { createModelStore } from '../../store/model-store.ts';
import { SimulatedBus } from './bus.ts';
import { Device } from './device.ts';
import { Instance } from './instance.ts';
import { Oracle, type Sent } from './oracle.ts';
import { Random } from './random.ts';
import { Timeline } from './timeline.ts';
import { BrokenPromise, calm, type World } from './world.ts';

export interface Result {
  readonly messages: number;
  readonly deliveries: number;
  readonly happenings: number;
  readonly closes: ReadonlyMap<number, number>;
  readonly kills: number;
}

export interface Options {
  /** A deliberate break: the store answers before it has committed. */
  readonly answersEarly?: boolean;
  /** The bus loses nothing by itself: only what dies with an instance is lost. */
  readonly onlyKills?: boolean;
}

/** After everything works again: how long it may take until everybody holds everything. */
const HEALED_MS = 15_000;
/** The same if something was lost that only the regular position check can find. */
const CHECKED_MS = 60_000;

/**
 * One run: several instances, users with several devices, messages, reads, cuts, kills, losses; then everything heals and
 * must come to rest with every promise kept. Throws `BrokenPromise` with what happened last.
 */
export async function simulate(seed: number, options: Options = {}): Promise<Result> {
  const random = new Random(seed);
  const time = new Timeline();
  const notes: string[] = [];
  const start = time.now;
  const note = (text: string): void => void notes.push(`${((time.now - start) / 1000).toFixed(3)} ${text}`);
  const problems: Error[] = [];
  const world: World = {
    time,
    random,
    weather: calm,
    note,
    broken(promise) {
      const problem = new BrokenPromise(
        `seed ${seed}: ${promise}\n${notes.slice(-30).join('\n')}\nrun it again: SEED=${seed} npm test -- simulation`,
      );
      problems.push(problem);
      throw problem;
    },
  };
  const model = createModelStore({ now: () => time.now, newId: () => random.uuid() });
  const oracle = new Oracle(world, model);
  const bus = new SimulatedBus(world);
  const locks = new Set<string>();
  const open = (): Instance => new Instance(world, model, bus, locks, options.answersEarly ?? false);
  const instances = Array.from({ length: random.int(1, 3) }, open);
  let kills = 0;

  const people = Array.from({ length: random.int(2, 4) }, (_, i) => model.addPerson(`user${i}`));
  for (const person of people) {
    const identities = [person, ...Array.from({ length: random.int(0, 2) }, () => model.addDevice(person.userId))];
    for (const identity of identities) oracle.devices.push(new Device(world, oracle, identity, () => instances));
  }
  const conversations = Array.from({ length: random.int(1, 3) }, (_, i) => {
    const members = i === 0 ? people : people.filter(() => random.chance(0.7));
    return { id: model.addGroup(members.map(({ userId }) => userId)), members };
  });
  for (const { id } of conversations) oracle.conversationIds.add(id);

  const lossy = random.chance(0.5) && options.onlyKills !== true;
  const deadly = random.chance(0.5);
  const flaky = random.chance(0.5);

  function act(): void {
    const device = random.pick(oracle.devices);
    const mine = conversations.filter(({ members }) => members.some(({ userId }) => userId === device.identity.userId));
    const { id } = mine.length === 0 ? { id: '' } : random.pick(mine);
    const dice = random.int(1, 100);
    if (dice <= 55 && id !== '') {
      for (let i = random.chance(0.1) ? random.int(2, 30) : random.int(1, 3); i > 0; i--) send(device, id);
    } else if (dice <= 60) {
      const own = [...oracle.sends.values()].filter(({ deviceId }) => deviceId === device.identity.deviceId);
      if (own.length > 0) device.repeat(random.pick(own));
    } else if (dice <= 66 && id !== '') device.read(id);
    else if (dice <= 69 && id !== '') device.history(id);
    else if (dice <= 72 && id !== '') device.typing(id);
    else if (dice <= 74 && id !== '') device.ack(id, random.int(0, device.head(id)));
    else if (dice <= 80) device.cut();
    else if (dice <= 82) rest(device);
    else if (dice <= 85) openWith(device);
    else if (dice <= 88) slow(device);
    else if (dice <= 91 && options.onlyKills !== true) unplug(random.pick(instances));
    else if (dice <= 94 && deadly) end(random.int(0, instances.length - 1));
  }

  function send(device: Device, conversationId: string): void {
    const clientId = random.uuid();
    // Some are too large to cross the bus with their content.
    const mls = clientId.replaceAll('-', '').repeat(random.chance(0.1) ? 200 : 1);
    const sent: Sent = { conversationId, clientId, deviceId: device.identity.deviceId, mls, answer: undefined };
    oracle.sends.set(clientId, sent);
    device.send(sent);
  }

  function openWith(device: Device): void {
    const other = random.pick(people);
    if (other.userId === device.identity.userId) return;
    device.open(other.userId);
    time.after(2_000, () => {
      for (const { conversationId } of directs(device.identity.userId)) {
        if (oracle.conversationIds.has(conversationId)) continue;
        oracle.conversationIds.add(conversationId);
        const found = model.conversation(conversationId);
        conversations.push({ id: conversationId, members: people.filter(({ userId }) => found?.members.has(userId)) });
      }
    });
  }

  function directs(userId: string): { conversationId: string }[] {
    return people.flatMap((other) => {
      const id = model.directId(userId, other.userId);
      return model.conversation(id) === undefined ? [] : [{ conversationId: id }];
    });
  }

  function rest(device: Device): void {
    device.resting = true;
    device.cut();
    time.after(random.int(100, 5_000), () => {
      device.resting = false;
      device.connect();
    });
  }

  function slow(device: Device): void {
    device.reading = false;
    device.lazy = true;
    time.after(random.int(100, 4_000), () => {
      device.reading = true;
      device.lazy = false;
    });
  }

  function unplug(instance: Instance): void {
    note('an instance loses the bus');
    instance.bus.away = true;
    time.after(random.delay(1_000, 12_000), () => {
      instance.bus.away = false;
    });
  }

  function end(index: number): void {
    const instance = instances[index];
    if (instance?.alive !== true) return;
    kills++;
    note('an instance ends');
    const dice = random.int(1, 3);
    if (dice === 1) instance.drain();
    else if (dice === 2) instance.doomed = true;
    else instance.kill();
    time.after(random.delay(1_000, 5_000), () => {
      instance.kill();
      if (instances[index] === instance) instances[index] = open();
    });
  }

  function keepAlive(): void {
    for (const device of oracle.devices) device.ping();
    time.after(20_000, keepAlive);
  }

  const fail = (error: unknown): void => void problems.push(error instanceof Error ? error : new Error(String(error)));
  process.on('unhandledRejection', fail);
  try {
    keepAlive();
    for (const device of oracle.devices) device.connect();
    await time.run(500);
    world.weather = {
      busLoss: lossy ? random.next() * 0.3 : 0,
      storeFailure: flaky ? random.next() * 0.15 : 0,
      busy: random.chance(0.5) ? random.next() * 0.3 : 0,
      refusal: flaky ? random.next() * 0.1 : 0,
    };
    note(`weather ${JSON.stringify(world.weather)}`);
    for (let steps = random.int(20, 150); steps > 0 && problems.length === 0; steps--) {
      act();
      await time.run(random.delay(60, 1_500));
    }
    if (deadly) {
      // The last message before the calm is the one that nothing later repairs.
      random.pick(instances).doomed = true;
      kills++;
      for (let i = random.int(1, 3); i > 0; i--) send(random.pick(oracle.devices), conversations[0]?.id ?? '');
      await time.run(random.int(20, 1_500));
    }
    note('everything heals');
    world.weather = calm;
    for (const [i, instance] of instances.entries()) {
      if (!instance.alive) instances[i] = open();
      instance.bus.away = false;
      instance.doomed = false;
    }
    for (const device of oracle.devices) {
      device.resting = false;
      device.reading = true;
      device.lazy = false;
      device.connect();
    }
    await rested(lossy || kills > 0 ? CHECKED_MS : HEALED_MS);
    oracle.verify();
    await time.run(5_000);
    const live = instances.filter(({ alive }) => alive).map(({ messaging }) => messaging);
    const left = live.map(({ appender, receipts, hub, lobby }) => ({
      waiting: appender.waiting,
      marks: receipts.waiting,
      hub: hub.size,
      lobby: lobby.size,
    }));
    const sum = (count: (one: (typeof left)[number]) => number): number => left.map(count).reduce((a, b) => a + b, 0);
    if (sum(({ waiting, marks }) => waiting + marks) > 0)
      world.broken(`something still waits: ${JSON.stringify(left)}`);
    const connected = oracle.devices.filter(({ ready }) => ready).length;
    if (sum(({ hub }) => hub) !== connected || sum(({ lobby }) => lobby) !== connected)
      world.broken(`${connected} devices, but ${JSON.stringify(left)}`);
    if (problems[0] !== undefined) throw problems[0];
  } finally {
    process.off('unhandledRejection', fail);
    for (const instance of instances) instance.kill();
  }

  async function rested(within: number): Promise<void> {
    const deadline = time.now + within;
    while (time.now < deadline && problems.length === 0) {
      await time.run(200);
      if (oracle.unfinished() === undefined) return;
    }
    if (problems[0] !== undefined) throw problems[0];
    world.broken(`${within} ms after everything healed: ${oracle.unfinished()}`);
  }

  return {
    messages: oracle.sends.size,
    deliveries: oracle.deliveries,
    happenings: time.happenings,
    closes: oracle.closes,
    kills,
  };
}
