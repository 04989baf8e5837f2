import { join } from 'node:path';
import { createAccessTokens } from './accounts/access-token.ts';
import type { EndSessions } from './accounts/deps.ts';
import { createPasswords } from './accounts/passwords.ts';
import { importSigningKeys, ownSigningKey } from './accounts/signing-keys.ts';
import type { Config } from './config.ts';
import type { Handlers } from './handlers/handler.ts';
import { authRoutes } from './http/auth.ts';
import { authenticate } from './http/bearer.ts';
import { startMailLoop } from './jobs/mail-loop.ts';
import { createMailSender } from './jobs/mail-sender.ts';
import { fileTransport, smtpTransport } from './jobs/mail-transport.ts';
import { createLimits, type Limits } from './limits/limits.ts';
import type { HttpRequest, Route } from './listen/transport.ts';
import type { Log } from './log.ts';
import type { Ticket } from './socket/session.ts';
import type { Gate } from './store/gate.ts';
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
  close(): Promise<void>;
}

export async function openPeople(given: {
  config: Config;
  gate: Gate;
  log: Log;
  endSessions: EndSessions;
}): Promise<People> {
  const { config, gate, log, endSessions } = given;
  const tokens = createAccessTokens(
    await importSigningKeys(config.pasetoSecretKey ?? (await ownSigningKey(config.dataDir))),
  );
  const passwords = await createPasswords();
  const { smtpUrl, mailFrom, publicUrl, dataDir } = config;
  const transport =
    smtpUrl === undefined ? fileTransport(join(dataDir, 'mail'), mailFrom) : smtpTransport(smtpUrl, mailFrom);
  // With the embedded database the operator and the only reader of the mail folder are the same person.
  const onLink = ({ address, subject, link }: { address: string; subject: string; link: string }): void => {
    if (smtpUrl === undefined && config.databaseUrl === undefined)
      process.stdout.write(`Mail to ${address}: ${subject}\n  ${link}\n`);
  };
  if (smtpUrl === undefined && config.databaseUrl !== undefined) {
    log.warn({}, 'SMTP_URL is not set: mails are files in the data folder, and nobody gets them');
  }
  const mail = startMailLoop(createMailSender({ gate, transport, publicUrl, log, onLink }), log);
  const deps = { gate, tokens, passwords, limits: createLimits(), endSessions, wakeMail: mail.wake, log };
  return {
    routes: authRoutes(deps),
    adminRoutes: [],
    handlers: {},
    limits: deps.limits,
    authenticate: (request) => authenticate(deps, request),
    async verifyToken(token) {
      const access = await tokens.verify(token);
      return access === undefined ? undefined : { ...access, expiresAt: access.expiresAt.getTime() };
    },
    away: () => (transport.reachable ? [] : ['smtp']),
    async close() {
      await mail.close();
      transport.close();
    },
  };
}
