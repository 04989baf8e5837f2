import { createAccessTokens } from './accounts/access-token.ts';
import type { AccountDeps, EndSessions } from './accounts/deps.ts';
import { createPasswords } from './accounts/passwords.ts';
import { watchRevocations } from './accounts/revocation-watch.ts';
import { importSigningKeys, ownSigningKey } from './accounts/signing-keys.ts';
import { openRedis, parseRedisAddress } from './bus/connection.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { eventFrame } from './delivery/frames.ts';
import type { Hub } from './delivery/hub.ts';
import { createRecovery } from './directory/recovery.ts';
import { checkRevocation } from './directory/revocation.ts';
import { deviceHandlers } from './handlers/device.ts';
import type { Handlers } from './handlers/handler.ts';
import { profileHandlers } from './handlers/profile.ts';
import { recoveryHandlers } from './handlers/recovery.ts';
import { userHandlers } from './handlers/user.ts';
import { accountRoutes } from './http/account.ts';
import { adminRoutes } from './http/admin.ts';
import { authRoutes } from './http/auth.ts';
import { authenticate } from './http/bearer.ts';
import { recoveryRoutes } from './http/recovery.ts';
import { startMail } from './jobs/mail.ts';
import { createLimits, type Limits } from './limits/limits.ts';
import type { HttpRequest, Route } from './listen/transport.ts';
import type { Log } from './log.ts';
import type { Ticket } from './socket/session.ts';
import { startCleaning } from './store/cleaning.ts';
import type { Gate } from './store/gate.ts';
import { createKeyStore } from './store/keys.ts';
import { countWaitingMail } from './store/mail.ts';
import type { Identity } from './store/store.ts';

/** Everything around the person: accounts, tokens, mail, limits, and the routes and handlers that offer them. */
export interface People {
  readonly routes: readonly Route[];
  readonly adminRoutes: readonly Route[];
  readonly handlers: Partial<Handlers>;
  readonly limits: Limits;
  /** Who asks over HTTP; throws `unauthenticated`. */
  authenticate(request: HttpRequest): Promise<Identity>;
  verifyToken(token: string): Promise<Ticket | undefined>;
  /** The parts that do not answer now, and without which the server still serves. */
  away(): readonly string[];
  mailsWaiting(): Promise<number>;
  close(): Promise<void>;
}

export async function openPeople(given: {
  config: Config;
  gate: Gate;
  log: Log;
  hub: Pick<Hub, 'end' | 'state' | 'connections'>;
  /** Shows conversations again to all of their members. */
  show: (conversationIds: readonly string[]) => void;
  /** What this instance says of itself to an administrator. */
  live: () => Readonly<Record<string, unknown>>;
}): Promise<People> {
  const { config, gate, log, hub, show, live } = given;
  const secretKey = config.pasetoSecretKey ?? (await ownSigningKey(config.dataDir));
  const tokens = createAccessTokens(await importSigningKeys(secretKey, config.pasetoPublicKeys));
  const mail = startMail({ config, gate, log });
  // The limits count alone while Redis is away; the bus says that it is.
  const redis = config.redisUrl === undefined ? undefined : openRedis(parseRedisAddress(config.redisUrl), () => {});
  const limits = createLimits({ redis });
  const endSessions: EndSessions = (...ended) => hub.end(...ended);
  const deps: AccountDeps = {
    gate,
    tokens,
    passwords: await createPasswords(),
    limits,
    endSessions,
    devicesChanged: (userId, version, contacts) =>
      hub.state(contacts, `devices:${userId}`, eventFrame('device.changed', { userId, version })),
    show,
    wakeMail: mail.wake,
    log,
  };
  const keys = createKeyStore(gate);
  const recovery = createRecovery({ gate, limits });
  const revocations = watchRevocations({
    gate,
    clock: systemClock,
    connections: () => hub.connections(),
    failed: (error) => log.warn({ err: error }, 'the look for ended sessions failed'),
  });
  const stopCleaning = startCleaning({
    gate,
    clock: systemClock,
    revoked: ({ userId, version, contacts }) => deps.devicesChanged(userId, version, contacts),
    failed: (error) => log.warn({ err: error }, 'cleaning failed'),
  });
  return {
    routes: [
      ...authRoutes(deps),
      ...accountRoutes(deps),
      ...recoveryRoutes({ recovery, authenticate: (request) => authenticate(deps, request) }),
    ],
    adminRoutes: adminRoutes({ ...deps, live, mailJobs: mail.jobs }),
    handlers: {
      ...deviceHandlers({ gate, hub, limits, checkRevocation: (...asked) => checkRevocation(keys, ...asked) }),
      ...profileHandlers({ gate, limits, show }),
      ...userHandlers({ gate, limits }),
      ...recoveryHandlers(recovery),
    },
    limits: deps.limits,
    authenticate: (request) => authenticate(deps, request),
    async verifyToken(token) {
      const access = await tokens.verify(token);
      return access === undefined ? undefined : { ...access, expiresAt: access.expiresAt.getTime() };
    },
    away: () => (mail.reachable() ? [] : ['smtp']),
    mailsWaiting: () => countWaitingMail(gate),
    async close() {
      revocations.stop();
      stopCleaning();
      await mail.close();
      redis?.disconnect();
    },
  };
}
