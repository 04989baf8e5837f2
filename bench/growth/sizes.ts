import { benchPostgres } from '../services/postgres.ts';
import { Stack } from '../services/stack.ts';
import { serverTarget } from '../targets/server.ts';
import { type GrowthPoint, load } from './cost.ts';

export interface SizesPlan {
  /** Bytes of ciphertext. */
  readonly sizes: readonly number[];
  readonly connections: number;
  readonly depth: number;
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/** The sizes in turn on one server: new people each time, the same number of messages in flight. */
export async function measureSizes(plan: SizesPlan, say: (text: string) => void) {
  await using stack = new Stack();
  const postgres = stack.use(await benchPostgres());
  const target = stack.use(await serverTarget(postgres));
  const points: (GrowthPoint & { runs: GrowthPoint['runs'][number][] })[] = plan.sizes.map((bytes) => ({
    label: bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KB`,
    runs: [],
    facts: { bytes },
  }));
  for (let round = 0; round < plan.rounds; round++) {
    for (const point of round % 2 === 0 ? points : points.toReversed()) {
      const seats = await target.seats(plan.connections);
      await postgres.settle();
      const result = await load({
        ...plan,
        messageBytes: point.facts.bytes ?? 0,
        ports: [target.port],
        seats,
        watch: { server: target.pid, ...(postgres.pid !== undefined && { postgres: postgres.pid }) },
      });
      point.runs.push(result);
      say(`${point.label}: ${result.perSecond}/s ${result.problems.join('; ')}`);
    }
  }
  return { points, postgres: postgres.settings };
}
