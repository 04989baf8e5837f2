import { RequestError } from '../errors.ts';
import { isRevocationSigned } from '../mls/signatures.ts';
import type { KeyStore } from '../store/keys.ts';

/** Throws unless an account that has a key asks with it for the device's revocation. */
export async function checkRevocation(
  store: KeyStore,
  userId: string,
  deviceId: string,
  signature: string | undefined,
): Promise<void> {
  const head = (await store.directory(userId))?.chain.at(-1);
  if (head === undefined) return;
  const given = Buffer.from(signature ?? '', 'base64url');
  if (isRevocationSigned(head.key, { userId, deviceId }, given)) return;
  throw new RequestError('forbidden', {
    message: 'The account key must sign the revocation.',
    details: { field: 'signature' },
  });
}
