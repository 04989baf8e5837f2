import { appendCommit, groupForCommit } from '../../sql/queries/commits.queries.ts';
import { byteaArray, listOf } from './arrays.ts';
import type { Gate } from './gate.ts';
import { readStanding, type Standing } from './keys.ts';
import { oneOf } from './one-of.ts';
import type { Identity } from './store.ts';

/** A group as a commit finds it. */
export interface GroupBefore {
  readonly standing: Standing;
  readonly epoch: number;
  /** An entry of this device with the same client id exists. */
  readonly earlier: boolean;
  readonly deviceKey: Uint8Array | undefined;
  readonly leaves: readonly { readonly deviceId: string; readonly leafIndex: number }[];
}

/** A commit that has been judged against that. */
export interface NewCommit {
  readonly conversationId: string;
  readonly clientId: string;
  readonly digest: Uint8Array;
  readonly base: number;
  readonly next: number;
  /** It starts a new group. */
  readonly fresh: boolean;
  readonly commit: Uint8Array;
  readonly adds: readonly { readonly deviceId: string; readonly leafIndex: number; readonly ref: Uint8Array }[];
  readonly removes: readonly string[];
  readonly welcome: Uint8Array | undefined;
}

export type CommitVerdict =
  | {
      readonly state: 'stored' | 'duplicate';
      readonly seq: number;
      readonly epoch: number;
      readonly sentAt: Date;
      readonly members: readonly string[];
    }
  | { readonly state: 'idempotency_conflict'; readonly seq: number; readonly sentAt: Date }
  | { readonly state: 'stale_epoch'; readonly epoch: number }
  | { readonly state: (typeof refusals)[number] };

const refusals = ['unauthenticated', 'not_found', 'forbidden', 'removal_required', 'unclaimed'] as const;

export type CommitStore = ReturnType<typeof createCommitStore>;

export function createCommitStore(gate: Gate) {
  return {
    async group({ sessionId }: Identity, conversationId: string, clientId: string): Promise<GroupBefore> {
      const [row] = await gate.run('append', (sql) => groupForCommit.run({ sessionId, conversationId, clientId }, sql));
      if (row === undefined)
        return { standing: 'unauthenticated', epoch: 0, earlier: false, deviceKey: undefined, leaves: [] };
      return {
        standing: readStanding(row.standing),
        epoch: row.epoch ?? 0,
        earlier: row.earlier,
        deviceKey: row.deviceKey ?? undefined,
        leaves: readLeaves(row.leaves ?? ''),
      };
    },

    async append({ sessionId }: Identity, commit: NewCommit): Promise<CommitVerdict> {
      const { adds, removes, welcome, ...rest } = commit;
      const [row] = await gate.run('append', (sql) =>
        appendCommit.run(
          {
            ...rest,
            sessionId,
            adds: listOf(adds.map((add) => add.deviceId)),
            addLeaves: listOf(adds.map((add) => add.leafIndex)),
            addRefs: byteaArray(adds.map((add) => add.ref)),
            removes: listOf(removes),
            welcome: welcome ?? null,
          },
          sql,
        ),
      );
      const { state, seq, epoch, sentAt, recipients } = row ?? {};
      switch (state) {
        case 'stored':
        case 'duplicate':
          if (seq == null || epoch == null || sentAt == null) break;
          return { state, seq, epoch, sentAt, members: recipients ? recipients.split(',') : [] };
        case 'idempotency_conflict':
          if (seq == null || sentAt == null) break;
          return { state, seq, sentAt };
        case 'stale_epoch':
          if (epoch == null) break;
          return { state, epoch };
      }
      return { state: oneOf(refusals, state, 'append_commit') };
    },
  };
}

/** `deviceId leafIndex,deviceId leafIndex` */
function readLeaves(text: string): { deviceId: string; leafIndex: number }[] {
  if (text === '') return [];
  return text.split(',').map((leaf) => ({ deviceId: leaf.slice(0, 36), leafIndex: Number(leaf.slice(37)) }));
}
