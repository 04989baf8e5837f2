import * as queries from '../../sql/queries/audit.queries.ts';
import { endSessionsOfUser } from '../../sql/queries/sessions.queries.ts';
import type { Gate } from './gate.ts';

export type AdminAct = 'suspend' | 'reinstate' | 'revoke-sessions' | 'promote' | 'demote';

/** Who acts, and from where: a client address, or `console`. */
export interface Actor {
  readonly id: string | undefined;
  readonly name: string;
  readonly origin: string;
}

/** The sessions whose sockets are to be closed. Nothing: there is no such account. */
export interface ActOutcome {
  /** False: it was so before; nothing was written. */
  readonly changed: boolean;
  readonly sessionIds: readonly string[];
}

/** One administrative act, written to the audit log in its own transaction. */
export function act(gate: Gate, what: AdminAct, userId: string, actor: Actor): Promise<ActOutcome | undefined> {
  return gate.transaction('read', async (tx) => {
    const [user] = await queries.lockUser.run({ id: userId }, tx);
    if (user === undefined) return undefined;
    let changed = true;
    let sessionIds: string[] = [];
    const ids = (rows: readonly { id: string }[]): string[] => rows.map((row) => row.id);
    if (what === 'suspend') {
      changed = (await queries.suspendUser.run({ id: userId }, tx)).length > 0;
      sessionIds = ids(await queries.liveSessionsOf.run({ userId }, tx));
    } else if (what === 'reinstate') {
      changed = (await queries.reinstateUser.run({ id: userId }, tx)).length > 0;
    } else if (what === 'revoke-sessions') {
      sessionIds = ids(await endSessionsOfUser.run({ userId, reason: 'revoked', except: null }, tx));
      changed = sessionIds.length > 0;
    } else {
      changed = (await queries.setRole.run({ id: userId, role: what === 'promote' ? 'admin' : 'user' }, tx)).length > 0;
    }
    if (changed) {
      const details = what === 'revoke-sessions' ? { sessions: sessionIds.length } : {};
      await queries.insertAudit.run(
        {
          actorId: actor.id ?? null,
          actor: actor.name,
          action: what,
          targetId: userId,
          target: user.username,
          origin: actor.origin,
          details,
        },
        tx,
      );
    }
    return { changed, sessionIds };
  });
}

export function listAudit(gate: Gate, before: string | undefined, limit: number) {
  return gate.run('background', (sql) => queries.listAudit.run({ before: before ?? null, limit }, sql));
}

/** By username, from `after` on; `text` is the beginning of a username, or a whole address. */
export function listUsers(gate: Gate, text: string | undefined, after: string | undefined, limit: number) {
  return gate.run('background', (sql) =>
    queries.listUsers.run({ text: text ?? null, after: after ?? null, limit }, sql),
  );
}

export async function findUser(gate: Gate, id: string) {
  const [row] = await gate.run('background', (sql) => queries.findUser.run({ id }, sql));
  return row;
}

export async function findUserId(gate: Gate, username: string): Promise<string | undefined> {
  const [row] = await gate.run('background', (sql) => queries.findUserByName.run({ username }, sql));
  return row?.id;
}

export async function countEverything(gate: Gate) {
  const [row] = await gate.run('background', (sql) => queries.countEverything.run(undefined, sql));
  if (row === undefined) throw new Error('nothing was counted');
  return row;
}

export function listFailedMails(gate: Gate) {
  return gate.run('background', (sql) => queries.listFailedMails.run(undefined, sql));
}

export interface EndedSession {
  readonly sessionId: string;
  readonly reason: string;
}

/** Sessions that ended, or whose account was suspended, after `since` by the database's clock; and that clock now. */
export function endedSince(gate: Gate, since: Date | undefined): Promise<{ ended: EndedSession[]; now: Date }> {
  return gate.run('background', async (sql) => {
    const [clock] = await queries.databaseTime.run(undefined, sql);
    const now = clock?.now ?? new Date();
    return { ended: since === undefined ? [] : await queries.endedSince.run({ since }, sql), now };
  });
}
