import assert from 'node:assert/strict';
import { Random } from '../../server/delivery/simulation/random.ts';
import { eventually } from '../../server/testing/eventually.ts';
import { type Phone, startPhone } from './phone.ts';
import { type Fault, planOf, restart, siteOf } from './plan.ts';
import { type RawDevice, startRawDevice } from './raw-device.ts';
import type { Rig } from './rig.ts';

export interface Run {
  readonly messages: number;
  readonly deliveries: number;
  readonly faults: number;
  /** Frames that a proxy dropped, and messages that the bus lost in silence. */
  readonly dropped: number;
  readonly lost: number;
  /** Sends of devices without the SDK that were refused with `unavailable`. */
  readonly unavailable: number;
  /** From when all was mended until everybody had everything. */
  readonly restedMs: number;
  readonly ms: number;
}

export interface RunOptions {
  /** Instead of what the seed says. */
  readonly faults?: readonly Fault[];
  /** Devices without the SDK send one by one, as fast as they can. */
  readonly rush?: boolean;
  /** How long things go wrong. */
  readonly stormMs?: number;
  /** How long it may take from when all is mended until everybody has everything. */
  readonly restMs?: number;
}

interface Conversation {
  readonly id: string;
  readonly phones: readonly Phone[];
  readonly raw: readonly RawDevice[];
}

const STORM_MS = 3_000;
const REST_MS = 60_000;

/**
 * One run on real parts: people with several devices write to each other through several instances while frames, bus
 * messages, connections, instances, Redis and PostgreSQL are lost; then all is mended, and the log and what every device
 * was given are compared.
 */
export async function runSeed(rig: Rig, seed: number, options: RunOptions = {}): Promise<Run> {
  const began = performance.now();
  const dropped = (): number => rig.sites.reduce((sum, { proxy }) => sum + proxy.dropped, 0);
  const before = { dropped: dropped(), lost: rig.bus.lost };
  const random = new Random(seed);
  rig.random = new Random(seed + 1);
  const stormMs = options.stormMs ?? STORM_MS;
  const story: string[] = [];
  const faults = options.faults ?? [...planOf(random, rig.sites.length, stormMs), lastBlow(random, rig, stormMs)];
  const { phones, raw, conversations } = await gather(rig, random);
  try {
    const clock = performance.now();
    const told = (text: string): void => void story.push(`${Math.round(performance.now() - clock)} ms: ${text}`);
    const done = await Promise.allSettled([
      ...phones.map((phone) => write(phone, conversations, new Random(random.int(0, 1e9)), stormMs, told)),
      ...raw.map((device) => shout(device, conversations, new Random(random.int(0, 1e9)), stormMs, options.rush)),
      ...faults.map(async (fault) => {
        await pause(fault.atMs);
        told(fault.name);
        await fault.strike(rig);
      }),
    ]);
    for (const each of done) if (each.status === 'rejected') throw each.reason;
    told('all is mended');
    const mended = performance.now();
    await rig.heal();
    const judged = await rested(rig, phones, raw, conversations, options.restMs ?? REST_MS);
    for (const { instance } of rig.sites)
      assert.ok(!instance.died(), `a server ended by itself:\n${instance.output()}`);
    const deliveries = [...phones, ...raw].reduce((sum, device) => sum + count(device), 0);
    return {
      messages: judged,
      deliveries,
      faults: faults.length,
      dropped: dropped() - before.dropped,
      lost: rig.bus.lost - before.lost,
      unavailable: raw.reduce((sum, device) => sum + device.unavailable, 0),
      restedMs: Math.round(performance.now() - mended),
      ms: Math.round(performance.now() - began),
    };
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const outputs = rig.sites.map(({ instance }) =>
      instance
        .output()
        .split('\n')
        .slice(-15)
        .map((line) => line.slice(0, 160))
        .join('\n'),
    );
    throw new Error(
      `seed ${seed}: ${reason}\n${story.join('\n')}\n${outputs.join('\n---\n')}\nrun it again: npm run test:faults -- --seed ${seed} --instances ${rig.sites.length}${rig.bus.nodes.length > 1 ? ' --cluster' : ''}`,
    );
  } finally {
    for (const device of raw) device.close();
    await Promise.all(phones.map((phone) => phone.close()));
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const count = (device: Phone | RawDevice): number =>
  [...('got' in device ? device.got : device.held).values()].reduce(
    (sum, entries) => sum + ('size' in entries ? entries.size : entries.length),
    0,
  );

/** The last messages before the calm are those that nothing later repairs: the bus loses them in silence. */
function lastBlow(random: Random, rig: Rig, stormMs: number): Fault {
  const site = random.int(0, rig.sites.length - 1);
  const ms = random.int(50, 400);
  const kill = random.chance(0.5);
  return {
    atMs: stormMs - ms,
    name: `the last ${ms} ms are not told by the bus${kill ? `, kill -9 ${site}` : ''}`,
    async strike() {
      rig.bus.loses = () => true;
      await pause(random.int(0, ms));
      if (kill) await restart(siteOf(rig, site), 'kill', 0);
      else await pause(ms);
    },
  };
}

async function gather(rig: Rig, random: Random) {
  const { fleet, sites } = rig;
  const through = sites.map(({ proxy }) => `http://127.0.0.1:${proxy.port}`);
  const straight = sites.map(({ instance }) => instance.url);
  const people = await Promise.all(Array.from({ length: random.int(3, 5) }, () => fleet.person()));
  const devices = await Promise.all(
    people.map(async (person) => [person, ...(random.chance(0.5) ? [await fleet.device(person.userId)] : [])]),
  );
  const phones = await Promise.all(
    devices.flat().map((person) => startPhone(person, through, new Random(random.int(0, 1e9)))),
  );
  const ears = await Promise.all(people.slice(0, 2).map(({ userId }) => fleet.device(userId)));
  const raw = ears.map((person) => startRawDevice(person, straight, new Random(random.int(0, 1e9))));
  const groups = [people.slice(0, 2), people.slice(0, 3), people.slice(1), people];
  const conversations = await Promise.all(
    groups.map(async (members, i): Promise<Conversation> => {
      const ids = members.map(({ userId }) => userId);
      const [row] = await rig.sql<{ id: string }[]>`
        with c as (insert into conversations (id, kind) values (gen_random_uuid(), ${i === 0 ? 'direct' : 'group'}) returning id)
        insert into conversation_participants (conversation_id, user_id, accepted_at)
        select id, unnest(${ids}::uuid[]), now() from c returning conversation_id as id`;
      return {
        id: row?.id ?? '',
        phones: phones.filter(({ person }) => ids.includes(person.userId)),
        raw: raw.filter(({ person }) => ids.includes(person.userId)),
      };
    }),
  );
  return { phones, raw, conversations };
}

/** Somebody with the SDK writes, and now and then ends the program and starts it again. */
async function write(
  phone: Phone,
  conversations: readonly Conversation[],
  random: Random,
  ms: number,
  told: (text: string) => void,
): Promise<void> {
  const mine = conversations.filter(({ phones }) => phones.includes(phone));
  for (const end = performance.now() + ms; performance.now() < end; ) {
    for (let n = random.int(1, 3); n > 0; n--) await phone.send(random.pick(mine).id);
    await pause(random.int(0, 150));
    if (!random.chance(0.01)) continue;
    told('a program ends and starts again');
    await phone.restart();
  }
}

/** A device without the SDK sends without waiting for answers. */
async function shout(
  device: RawDevice,
  conversations: readonly Conversation[],
  random: Random,
  ms: number,
  rush = false,
): Promise<void> {
  const mine = conversations.filter(({ raw }) => raw.includes(device));
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const { id } = random.pick(mine);
    for (let n = rush ? 1 : random.int(1, 6); n > 0; n--) device.send(id);
    await pause(rush ? random.int(0, 2) : random.int(0, 200));
  }
}

/** Waits until everybody has everything, and judges it. Answers how many messages the logs hold. */
async function rested(
  rig: Rig,
  phones: readonly Phone[],
  raw: readonly RawDevice[],
  conversations: readonly Conversation[],
  restMs: number,
): Promise<number> {
  for (const device of [...phones, ...raw]) device.nudge();
  const surprised = (): boolean => [...phones, ...raw].some(({ surprises }) => surprises.length > 0);
  const waiting = (): string[] =>
    phones.flatMap(({ sent, stored }) => [...sent.values()].flat().filter((clientId) => !stored.has(clientId)));
  await eventually(async () => surprised() || waiting().length === 0, 'every send is acknowledged', restMs);
  const logs = new Map<string, Logged[]>();
  for (const { id } of conversations) logs.set(id, await logOf(rig, id));
  const missing = (): string | undefined => {
    for (const { id, phones: members, raw: ears } of conversations) {
      const length = logs.get(id)?.length ?? 0;
      for (const { got, person, state } of members)
        if ((got.get(id)?.length ?? 0) < length)
          return `${person.deviceId} (${state()}) holds ${got.get(id)?.length ?? 0} of ${length} entries of ${id}, the first as ${got.get(id)?.[0]}`;
      for (const { held, person } of ears)
        if ((held.get(id)?.size ?? 0) < length)
          return `${person.deviceId} (raw) holds ${held.get(id)?.size ?? 0} of ${length} entries of ${id}`;
    }
    return undefined;
  };
  await eventually(async () => surprised() || missing() === undefined, 'everybody has everything', restMs).catch(
    (error: Error) => {
      throw new Error(`${error.message}: ${missing()}`);
    },
  );
  for (const device of [...phones, ...raw]) assert.deepEqual(device.surprises, [], device.person.deviceId);
  for (const conversation of conversations) judge(conversation, logs.get(conversation.id) ?? []);
  return [...logs.values()].reduce((sum, log) => sum + log.length, 0);
}

interface Logged {
  readonly seq: number;
  readonly clientId: string;
  readonly deviceId: string;
}

function logOf({ sql }: Rig, conversationId: string): Promise<Logged[]> {
  return sql<Logged[]>`
    select seq::int as seq, client_id as "clientId", sender_device_id as "deviceId" from conversation_log
    where conversation_id = ${conversationId} order by seq`;
}

/** Every acknowledged message in every member's device, once and in the order of the log; none stored twice. */
function judge({ id, phones, raw }: Conversation, log: readonly Logged[]): void {
  const ids = log.map(({ clientId }) => clientId);
  assert.deepEqual(
    log.map(({ seq }) => seq),
    log.map((_, i) => i + 1),
    'the log has no gap',
  );
  assert.equal(new Set(ids).size, ids.length, 'no message is stored twice');
  const expected = log.map(({ seq, clientId }) => `${seq} ${clientId}`);
  for (const { person, got, sent, stored } of phones) {
    assert.deepEqual(got.get(id) ?? [], expected, `${person.deviceId} was given the log, once and in order`);
    const own = log.filter(({ deviceId }) => deviceId === person.deviceId).map(({ clientId }) => clientId);
    assert.deepEqual(own, sent.get(id) ?? [], 'each message once, in the order in which it was sent');
    for (const clientId of own)
      assert.equal(ids.indexOf(clientId) + 1, stored.get(clientId), 'stored where it was told');
  }
  for (const { held, acknowledged } of raw) {
    const entries = [...(held.get(id) ?? [])].sort(([a], [b]) => a - b).map(([seq, clientId]) => `${seq} ${clientId}`);
    assert.deepEqual(entries, expected, 'a device without the SDK was given the log');
    for (const [clientId, seq] of acknowledged) {
      const at = ids.indexOf(clientId);
      if (at >= 0) assert.equal(at + 1, seq, 'stored where it was acknowledged');
    }
  }
}
