import { provision } from '../provision.ts';
import type { BenchPostgres } from '../services/postgres.ts';
import { startProgram } from '../services/program.ts';
import type { Target } from './target.ts';

export async function serverTarget(postgres: BenchPostgres): Promise<Target> {
  const { url, sql } = await postgres.database();
  const program = await startProgram('../targets/messaging-program.js', { DATABASE_URL: url });
  return {
    ...program,
    name: 'server',
    dialect: 'sotto',
    ordered: true,
    durable: true,
    seats: async (count) =>
      (await provision(sql, count)).map(({ conversationId, ...identity }) => ({ conversationId, token: JSON.stringify(identity) })),
  };
}
