import * as v from 'valibot';
import { event, request } from './define.ts';
import { bytes, exactBytes, timestamp, uuid } from './scalars.ts';

const sealed = bytes(64 * 1024);

/** A new device shows its ephemeral X25519 key; an older device of the same user may answer within 5 minutes. */
export const linkOffer = request(
  'link.offer',
  v.object({ publicKey: exactBytes(32) }),
  v.object({ linkId: uuid, expiresAt: timestamp }),
);

/** The older device's answer, sealed to that key (RFC 9180). */
export const linkAccept = request('link.accept', v.object({ linkId: uuid, sealed }), v.object({}));

export const linkSealed = event('link.sealed', v.object({ linkId: uuid, sealed }));
