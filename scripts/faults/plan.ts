import type { Random } from '../../server/delivery/simulation/random.ts';
import type { PrivateRedis } from '../../server/testing/redis-server.ts';
import type { Rig, Site } from './rig.ts';

/** Something that goes wrong at a time, and is over when `strike` resolves. */
export interface Fault {
  readonly atMs: number;
  readonly name: string;
  strike(rig: Rig): Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What goes wrong in this run: from the seed alone. */
export function planOf(random: Random, instances: number, withinMs: number): Fault[] {
  const faults: Fault[] = [];
  for (let n = random.int(4, 8); n > 0; n--) faults.push(faultOf(random, instances, random.int(0, withinMs)));
  return faults.sort((a, b) => a.atMs - b.atMs);
}

function faultOf(random: Random, instances: number, atMs: number): Fault {
  const site = random.int(0, instances - 1);
  const ms = random.int(100, 1_200);
  const share = random.next();
  const at = (rig: Rig): Site => siteOf(rig, site);
  const fault = (name: string, strike: (rig: Rig) => Promise<void>): Fault => ({ atMs, name, strike });
  const kinds: readonly (() => Fault)[] = [
    () => fault(`kill -9 ${site}, away ${ms} ms`, (rig) => restart(at(rig), 'kill', ms)),
    () => fault(`SIGTERM ${site}, away ${ms} ms`, (rig) => restart(at(rig), 'stop', ms)),
    () => fault(`cut ${percent(share)} of the connections to ${site}`, async (rig) => at(rig).proxy.cut(share, random)),
    () => fault(`frames to and from ${site} late, up to ${ms} ms`, (rig) => weather(at(rig), 0, 0, ms, 3 * ms)),
    () => fault(`${percent(share / 4)} of the frames to ${site} lost`, (rig) => weather(at(rig), share / 4, 0, 0, ms)),
    () => fault(`${percent(share / 4)} of those from ${site} lost`, (rig) => weather(at(rig), 0, share / 4, 20, ms)),
    () => fault(`the bus loses ${percent(share)} for ${ms} ms`, (rig) => loseMessages(rig, share, ms)),
    () => cutSubscribers(atMs, 0, site),
    () => cutSubscribers(atMs, ms, site),
    () => redisAway(atMs, ms, site),
    () => fault(`Redis hangs for ${2 * ms} ms`, (rig) => redisHangs(redisOf(rig, site), 2 * ms)),
    () => crashDatabase(atMs),
    () => fault(`PostgreSQL hangs for ${3 * ms} ms`, (rig) => databaseHangs(rig, 3 * ms)),
    () => fault('every connection to PostgreSQL is cut', async (rig) => rig.database.cut()),
  ];
  return random.pick(kinds)();
}

const percent = (share: number): string => `${Math.round(share * 100)} %`;

export function siteOf(rig: Rig, index: number): Site {
  const site = rig.sites[index];
  if (site === undefined) throw new Error(`there is no instance ${index}`);
  return site;
}

/** The one server, or one of the masters of a Cluster. */
const redisOf = ({ bus: { nodes } }: Rig, index: number): PrivateRedis => nodes[index % nodes.length] ?? nodes[0];

/** Faults of one kind don't meet: the second finds nothing to break. */
const striking = new Set<unknown>();
async function alone(what: unknown, strike: () => Promise<void>): Promise<void> {
  if (striking.has(what)) return;
  striking.add(what);
  try {
    await strike();
  } finally {
    striking.delete(what);
  }
}

export async function restart(site: Site, how: 'kill' | 'stop', awayMs: number): Promise<void> {
  if (site.busy) return;
  site.busy = true;
  try {
    const code = await site.instance[how]();
    if (how === 'stop' && code !== 0)
      throw new Error(`a stopped server ended with ${code}:\n${site.instance.output()}`);
    await pause(awayMs);
    await site.instance.launch();
  } finally {
    site.busy = false;
  }
}

async function weather({ proxy }: Site, dropUp: number, dropDown: number, delayMs: number, ms: number): Promise<void> {
  proxy.weather = { dropUp, dropDown, delayMs };
  await pause(ms);
  proxy.heal();
}

export async function loseMessages(rig: Rig, share: number, ms: number): Promise<void> {
  rig.bus.loses = () => rig.random.chance(share);
  await pause(ms);
  rig.bus.loses = () => false;
}

/** Once, or without pause for so long. */
export function cutSubscribers(atMs: number, ms: number, node = 0): Fault {
  return {
    atMs,
    name: `the bus loses its subscribers${ms > 0 ? ` again and again for ${ms} ms` : ''}`,
    async strike(rig) {
      const end = performance.now() + ms;
      do {
        // Redis itself may be away.
        await redisOf(rig, node)
          .cli('client', 'kill', 'type', 'pubsub')
          .catch(() => undefined);
        await pause(Math.min(100, ms));
      } while (performance.now() < end);
    },
  };
}

export function redisAway(atMs: number, ms: number, node = 0): Fault {
  return {
    atMs,
    name: `Redis is killed, away ${ms} ms`,
    strike(rig) {
      const redis = redisOf(rig, node);
      return alone(redis, async () => {
        await redis.kill();
        await pause(ms);
        await redis.start();
      });
    },
  };
}

export function crashDatabase(atMs: number): Fault {
  return { atMs, name: 'PostgreSQL crashes', strike: ({ postgres }) => alone(postgres, () => postgres.crash()) };
}

async function redisHangs(redis: PrivateRedis, ms: number): Promise<void> {
  await alone(redis, async () => {
    redis.freeze();
    await pause(ms);
    redis.thaw();
  });
}

async function databaseHangs(rig: Rig, ms: number): Promise<void> {
  await alone(rig.database, async () => {
    rig.database.freeze();
    await pause(ms);
    rig.database.thaw();
  });
}
