import type { Directory } from '../directory/directory.ts';
import type { Limits } from '../limits/limits.ts';
import type { Handlers } from './handler.ts';

type Family = 'keys.register' | 'keys.publish' | 'keys.devices' | 'keys.claim';

export function keyHandlers(directory: Directory, limits: Limits): Pick<Handlers, Family> {
  return {
    'keys.register': async (body, { connection }) => {
      await directory.register(connection, body);
      return {};
    },
    'keys.publish': (body, { connection }) => directory.publish(connection, body),
    'keys.devices': async (body, { connection }) => {
      await limits.take('key_lookup', connection.userId);
      return directory.devices(body);
    },
    'keys.claim': (body, { connection }) => directory.claim(connection, body),
  };
}
