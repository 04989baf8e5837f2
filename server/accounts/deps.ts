import type { Limits } from '../limits/limits.ts';
import type { Log } from '../log.ts';
import type { Gate } from '../store/gate.ts';
import type { AccessTokens } from './access-token.ts';
import type { Passwords } from './passwords.ts';

/** Closes the sockets of sessions that have ended in the database, on every instance. */
export type EndSessions = (userId: string, sessionIds: readonly string[], code: number, reason: string) => void;

/** What accounts need of the rest of the server. */
export interface AccountDeps {
  readonly gate: Gate;
  readonly tokens: AccessTokens;
  readonly passwords: Passwords;
  readonly limits: Limits;
  readonly endSessions: EndSessions;
  /** Tells people that somebody's devices or keys are others now. */
  readonly devicesChanged: (userId: string, version: number, contacts: readonly string[]) => void;
  /** Shows conversations again to all of their members, since one of them is called otherwise. */
  readonly show: (conversationIds: readonly string[]) => void;
  /** Asks for mails to be sent soon. They are safe in the database already. */
  readonly wakeMail: (mailIds: readonly string[]) => void;
  readonly log: Log;
}
