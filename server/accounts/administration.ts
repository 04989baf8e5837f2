import { closeCodes } from '../../protocol/codes.ts';
import { RequestError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type Actor, type AdminAct, act } from '../store/audit.ts';
import type { Gate } from '../store/gate.ts';
import type { EndSessions } from './deps.ts';

/** Does one administrative act on an account, and closes the sockets that it ends. True: something changed. */
export async function administer(
  deps: { gate: Gate; log: Log; endSessions: EndSessions },
  what: AdminAct,
  userId: string,
  actor: Actor,
): Promise<boolean> {
  if (actor.id === userId && what === 'suspend') {
    throw new RequestError('conflict', { message: 'Nobody can suspend themselves.' });
  }
  const outcome = await act(deps.gate, what, userId, actor);
  if (outcome === undefined) throw new RequestError('not_found');
  if (outcome.changed)
    deps.log.info({ act: what, userId, actor: actor.name, origin: actor.origin }, 'an administrative act');
  if (outcome.sessionIds.length > 0) {
    if (what === 'suspend')
      deps.endSessions(userId, outcome.sessionIds, closeCodes.account_suspended, 'account_suspended');
    else deps.endSessions(userId, outcome.sessionIds, closeCodes.device_revoked, 'revoked');
  }
  return outcome.changed;
}
