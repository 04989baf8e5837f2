import type { Presence } from '../delivery/presence.ts';
import { RequestError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Handlers } from './handler.ts';

export function presenceHandlers(
  presence: Pick<Presence, 'set'>,
  limits: Limits,
): Required<Pick<Handlers, 'presence.set'>> {
  return {
    'presence.set': async ({ visible }, { connection }) => {
      // Everybody who may see it is told each time.
      await limits.take('presence', connection.userId);
      if (!(await presence.set(connection, visible))) throw new RequestError('unauthenticated');
      return {};
    },
  };
}
