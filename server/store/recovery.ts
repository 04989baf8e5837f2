import { lockAccount } from '../../sql/queries/keys.queries.ts';
import { accountHead, putRecovery, recoveryBlob, recoveryBlobOf } from '../../sql/queries/recovery.queries.ts';
import type { Gate } from './gate.ts';
import type { Identity } from './store.ts';

/** An account's recovery blob: opaque here, and signed by the account key. */
export interface StoredRecovery {
  readonly version: number;
  readonly blob: Uint8Array;
  readonly signature: Uint8Array;
}

export interface RecoveryState {
  readonly userId: string;
  /** The newest account key. */
  readonly accountKey: Uint8Array | undefined;
  readonly present: StoredRecovery | undefined;
}

/** Puts what `judge` answers, which may throw; neither the blob nor the account key changes meanwhile. */
export function replaceRecovery(
  gate: Gate,
  { sessionId }: Identity,
  judge: (state: RecoveryState) => StoredRecovery | undefined,
): Promise<'unauthenticated' | 'done'> {
  return gate.transaction('read', async (tx) => {
    const [account] = await lockAccount.run({ sessionId }, tx);
    if (account === undefined) return 'unauthenticated';
    const { userId } = account;
    const [head] = await accountHead.run({ userId }, tx);
    const [present] = await recoveryBlob.run({ userId }, tx);
    const next = judge({ userId, accountKey: head?.key, present });
    if (next !== undefined) await putRecovery.run({ userId, ...next }, tx);
    return 'done';
  });
}

export async function findRecovery(
  gate: Gate,
  { sessionId }: Identity,
): Promise<StoredRecovery | 'none' | 'unauthenticated'> {
  const [row] = await gate.run('read', (sql) => recoveryBlobOf.run({ sessionId }, sql));
  if (row === undefined) return 'unauthenticated';
  const { version, blob, signature } = row;
  return version === null || blob === null || signature === null ? 'none' : { version, blob, signature };
}
