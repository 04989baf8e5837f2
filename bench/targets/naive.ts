import { provision } from '../provision.ts';
import type { BenchPostgres } from '../services/postgres.ts';
import { startProgram } from '../services/program.ts';
import type { Target } from './target.ts';

export async function naiveTarget(postgres: BenchPostgres, pool: number): Promise<Target> {
  const { url, sql } = await postgres.database();
  const program = await startProgram('../baselines/naive.js', { DATABASE_URL: url, POOL: String(pool) });
  return {
    ...program,
    name: `naive, pool ${pool}`,
    dialect: 'sotto',
    ordered: true,
    durable: true,
    seats: async (count) =>
      (await provision(sql, count)).map((person) => ({
        conversationId: person.conversationId,
        token: JSON.stringify(person),
      })),
  };
}
