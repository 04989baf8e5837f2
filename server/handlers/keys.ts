import type { Directory } from '../directory/directory.ts';
import type { Handlers } from './handler.ts';

type Family = 'keys.register' | 'keys.publish' | 'keys.devices' | 'keys.claim';

export function keyHandlers(directory: Directory): Pick<Handlers, Family> {
  return {
    'keys.register': async (body, { connection }) => {
      await directory.register(connection, body);
      return {};
    },
    'keys.publish': (body, { connection }) => directory.publish(connection, body),
    'keys.devices': (body) => directory.devices(body),
    'keys.claim': (body, { connection }) => directory.claim(connection, body),
  };
}
