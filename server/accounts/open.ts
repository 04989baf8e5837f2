import { join } from 'node:path';
import type { Config } from '../config.ts';
import { accountRoutes } from '../http/account.ts';
import { authRoutes } from '../http/auth.ts';
import { startMailLoop } from '../jobs/mail-loop.ts';
import { createMailSender } from '../jobs/mail-sender.ts';
import { fileTransport, smtpTransport } from '../jobs/mail-transport.ts';
import { createLimits, type LimitOptions } from '../limits/limits.ts';
import type { Route } from '../listen/transport.ts';
import type { Log } from '../log.ts';
import type { Gate } from '../store/gate.ts';
import { createAccessTokens } from './access-token.ts';
import type { AccountDeps, EndSessions } from './deps.ts';
import { createPasswords, type PasswordOptions } from './passwords.ts';
import { importSigningKeys, ownSigningKey } from './signing-keys.ts';

export interface AccountsOptions {
  readonly config: Pick<Config, 'dataDir' | 'databaseUrl' | 'smtpUrl' | 'mailFrom' | 'publicUrl' | 'pasetoSecretKey' | 'pasetoPublicKeys'>;
  readonly gate: Gate;
  readonly log: Log;
  readonly endSessions: EndSessions;
  readonly limits?: LimitOptions;
  readonly passwords?: PasswordOptions;
  /** Told each link while there is no mail server; prints it by default if the database is the embedded one. */
  readonly onLink?: (mail: { address: string; subject: string; link: string }) => void;
}

export interface Accounts {
  readonly deps: AccountDeps;
  /** Of the public port. */
  readonly routes: readonly Route[];
  /** False while the mail server is away. */
  mailReachable(): boolean;
  /** Sends no more mail, and waits for what is being sent. */
  close(): Promise<void>;
}

/** Everything around the person, wired: tokens, passwords, limits, mail and the calls over HTTP. */
export async function openAccounts(options: AccountsOptions): Promise<Accounts> {
  const { config, gate, log, endSessions } = options;
  const secret = config.pasetoSecretKey ?? (await ownSigningKey(config.dataDir));
  const tokens = createAccessTokens(await importSigningKeys(secret, config.pasetoPublicKeys));
  const transport = config.smtpUrl === undefined ? fileTransport(join(config.dataDir, 'mail'), config.mailFrom) : smtpTransport(config.smtpUrl, config.mailFrom);
  if (config.smtpUrl === undefined && config.databaseUrl !== undefined) {
    log.warn({ folder: join(config.dataDir, 'mail') }, 'SMTP_URL is not set: mails are written to files and reach nobody');
  }
  const onLink = options.onLink ?? (config.smtpUrl === undefined && config.databaseUrl === undefined ? printLink : undefined);
  const sender = createMailSender({ gate, transport, publicUrl: config.publicUrl, log, ...(onLink && { onLink }) });
  const loop = startMailLoop(sender, log);
  const deps: AccountDeps = {
    gate,
    tokens,
    passwords: await createPasswords(options.passwords),
    limits: createLimits(options.limits),
    endSessions,
    wakeMail: (ids) => loop.wake(ids),
    log,
  };
  return {
    deps,
    routes: [...authRoutes(deps), ...accountRoutes(deps)],
    mailReachable: () => transport.reachable,
    async close() {
      await loop.close();
      transport.close();
    },
  };
}

function printLink(mail: { address: string; subject: string; link: string }): void {
  process.stdout.write(`Mail to ${mail.address}: ${mail.subject}\n  ${mail.link}\n`);
}
