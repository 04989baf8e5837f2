import type * as v from 'valibot';
import type { recoveryAnswer, recoveryUpload } from '../../protocol/recovery.ts';
import { RequestError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import { isRecoverySigned } from '../mls/signatures.ts';
import type { Gate } from '../store/gate.ts';
import { findRecovery, type RecoveryState, replaceRecovery, type StoredRecovery } from '../store/recovery.ts';
import type { Identity } from '../store/store.ts';

type Upload = v.InferOutput<typeof recoveryUpload>;

export type Recovery = ReturnType<typeof createRecovery>;

/** The blob with which a person who lost every device gets the account back. The server can't read it. */
export function createRecovery({ gate, limits }: { gate: Gate; limits: Limits }) {
  return {
    async put(identity: Identity, { version, blob, signature }: Upload): Promise<void> {
      await limits.take('recovery_put', identity.userId);
      const wanted = { version, blob: Buffer.from(blob, 'base64url'), signature: Buffer.from(signature, 'base64url') };
      const answer = await replaceRecovery(gate, identity, (state) => judge(state, wanted));
      if (answer === 'unauthenticated') throw new RequestError(answer);
    },
    async get(identity: Identity): Promise<v.InferOutput<typeof recoveryAnswer>> {
      await limits.take('recovery_get', identity.userId);
      const found = await findRecovery(gate, identity);
      if (found === 'unauthenticated') throw new RequestError(found);
      if (found === 'none') return {};
      const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
      return { version: found.version, blob: text(found.blob), signature: text(found.signature) };
    },
  };
}

/** What is to be stored: nothing for the same again, as after a lost reply. */
function judge({ userId, accountKey, present }: RecoveryState, wanted: StoredRecovery): StoredRecovery | undefined {
  if (accountKey === undefined)
    throw new RequestError('conflict', { message: 'Register the keys of this account first.' });
  if (!isRecoverySigned(accountKey, { userId, ...wanted }, wanted.signature)) {
    throw new RequestError('forbidden', {
      message: 'The account key must sign the recovery blob.',
      details: { field: 'signature' },
    });
  }
  const version = present?.version ?? 0;
  if (wanted.version === version && present !== undefined && Buffer.compare(present.blob, wanted.blob) === 0)
    return undefined;
  if (wanted.version === version + 1) return wanted;
  throw new RequestError('conflict', {
    message: 'Another version of the recovery blob is stored.',
    details: { field: 'version', version },
  });
}
