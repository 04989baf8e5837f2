import { MAX_RECOVERY_FRAME_BYTES } from '../../protocol/recovery.ts';
import { base64urlLength } from '../../protocol/scalars.ts';
import type { Recovery } from '../directory/recovery.ts';
import { RequestError } from '../errors.ts';
import type { Handlers } from './handler.ts';

export function recoveryHandlers(recovery: Recovery): Pick<Handlers, 'recovery.put' | 'recovery.get'> {
  return {
    'recovery.put': async (body, { connection }) => {
      await recovery.put(connection, body);
      return {};
    },
    'recovery.get': async (_body, { connection }) => {
      const found = await recovery.get(connection);
      if ((found.blob?.length ?? 0) > base64urlLength(MAX_RECOVERY_FRAME_BYTES)) {
        throw new RequestError('too_large', { message: 'Get the recovery blob over HTTP: /v1/account/recovery.' });
      }
      return found;
    },
  };
}
