import { randomUUID } from 'node:crypto';
import { startProgram } from '../services/program.ts';
import type { Target } from './target.ts';

export async function relayTarget(): Promise<Target> {
  const program = await startProgram('../baselines/relay.js');
  return {
    ...program,
    name: 'bare relay',
    dialect: 'sotto',
    ordered: true,
    durable: false,
    async seats(count) {
      let conversationId = '';
      return Array.from({ length: count }, (_, i) => {
        if (i % 2 === 0) conversationId = randomUUID();
        return {
          conversationId,
          token: JSON.stringify({ userId: randomUUID(), deviceId: randomUUID(), conversationId }),
        };
      });
    },
  };
}
