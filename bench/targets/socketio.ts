import { randomUUID } from 'node:crypto';
import type { BenchPostgres } from '../services/postgres.ts';
import { startProgram } from '../services/program.ts';
import type { Target } from './target.ts';

export async function socketioTarget(postgres: BenchPostgres, redisUrl: string): Promise<Target> {
  const { url } = await postgres.database();
  const program = await startProgram('../baselines/socketio.js', { DATABASE_URL: url, REDIS_URL: redisUrl });
  return {
    ...program,
    name: 'Socket.IO',
    dialect: 'socketio',
    ordered: false,
    durable: true,
    async seats(count) {
      let conversationId = '';
      return Array.from({ length: count }, (_, i) => {
        if (i % 2 === 0) conversationId = randomUUID();
        return { conversationId, token: `${randomUUID()}.${conversationId}` };
      });
    },
  };
}
