import { randomUUID } from 'node:crypto';
import { sealedMessages } from '../sealed.ts';
import { startProgram } from '../services/program.ts';
import type { Target } from './target.ts';

/** `sealed`: loaded with messages as the SDK seals them. */
export async function relayTarget(sealed = false): Promise<Target> {
  const program = await startProgram('../baselines/relay.js');
  return {
    ...program,
    name: 'bare relay',
    dialect: 'sotto',
    ordered: true,
    durable: false,
    async seats(count) {
      let conversationId = '';
      const people = Array.from({ length: count }, (_, i) => {
        if (i % 2 === 0) conversationId = randomUUID();
        return { userId: randomUUID(), deviceId: randomUUID(), conversationId };
      });
      const messages = sealed ? await sealedMessages(people) : [];
      return people.map((person, i) => {
        const message = messages[i];
        return {
          conversationId: person.conversationId,
          token: JSON.stringify(person),
          ...(message && { message }),
        };
      });
    },
  };
}
