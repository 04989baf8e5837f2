import { generateSigningKey } from '../../server/accounts/signing-keys.ts';
import { provision } from '../provision.ts';
import { benchPostgres } from '../services/postgres.ts';
import type { BenchRedis } from '../services/redis.ts';
import { startServerProcess } from '../services/server-process.ts';
import { Stack } from '../services/stack.ts';
import { seatsOf } from '../targets/server.ts';
import { type GrowthPoint, load } from './cost.ts';

export interface InstancesPlan {
  readonly instances: number;
  readonly connections: number;
  readonly depth: number;
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** One database, one Redis, and the load on one instance, on two, on all: no two members of a conversation on the same. */
export async function measureInstances(plan: InstancesPlan, redis: BenchRedis, say: (text: string) => void) {
  await using stack = new Stack();
  const postgres = stack.use(await benchPostgres());
  const database = await postgres.database();
  const { secret } = await generateSigningKey();
  const servers = [];
  for (let i = 0; i < plan.instances; i++) {
    servers.push(
      stack.use(await startServerProcess({ databaseUrl: database.url, secretKey: secret, redisUrl: redis.url })),
    );
  }
  const points: (GrowthPoint & { runs: GrowthPoint['runs'][number][] })[] = servers.map((_, i) => ({
    label: `${i + 1}`,
    runs: [],
    facts: { instances: i + 1 },
  }));
  for (let round = 0; round < plan.rounds; round++) {
    for (const point of round % 2 === 0 ? points : points.toReversed()) {
      const used = servers.slice(0, point.facts.instances);
      const seats = await seatsOf(await provision(database.sql, plan.connections), secret);
      await postgres.settle();
      const result = await load({
        ...plan,
        messageBytes: 256,
        ports: used.map(({ port }) => port),
        seats,
        watch: {
          ...Object.fromEntries(used.map(({ pid }, i) => [`server ${i + 1}`, pid])),
          ...(postgres.pid !== undefined && { postgres: postgres.pid }),
          ...(redis.pid !== undefined && { redis: redis.pid }),
        },
      });
      point.runs.push(result);
      say(`${point.label} instances: ${result.perSecond}/s ${result.problems.join('; ')}`);
    }
  }
  return { points, postgres: postgres.settings };
}
