import type { Presence } from '../delivery/presence.ts';
import { RequestError } from '../errors.ts';
import type { Handlers } from './handler.ts';

export function presenceHandlers(presence: Pick<Presence, 'set'>): Required<Pick<Handlers, 'presence.set'>> {
  return {
    'presence.set': async ({ visible }, { connection }) => {
      if (!(await presence.set(connection, visible))) throw new RequestError('unauthenticated');
      return {};
    },
  };
}
