import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tokens } from '../../protocol/http.ts';
import { createAccessTokens } from '../accounts/access-token.ts';
import type { AccountDeps } from '../accounts/deps.ts';
import { createPasswords, type PasswordOptions } from '../accounts/passwords.ts';
import { generateSigningKey, importSigningKeys } from '../accounts/signing-keys.ts';
import { accountRoutes } from '../http/account.ts';
import { adminRoutes } from '../http/admin.ts';
import { authRoutes } from '../http/auth.ts';
import { createMailSender, type MailPatience, type MailSender } from '../jobs/mail-sender.ts';
import { fileTransport, type MailTransport } from '../jobs/mail-transport.ts';
import { createLimits, type LimitOptions } from '../limits/limits.ts';
import { listen } from '../listen/listen.ts';
import { createLog } from '../log.ts';
import { type Gate, openGate } from '../store/gate.ts';
import { type TestDatabase, testDatabase } from './database.ts';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Headers;
}

export interface SentMail {
  readonly to: string;
  readonly subject: string;
  readonly raw: string;
  readonly token: string | undefined;
}

export interface TestAccounts extends AsyncDisposable {
  readonly db: TestDatabase;
  readonly gate: Gate;
  readonly deps: AccountDeps;
  readonly url: string;
  readonly sender: MailSender;
  /** What sockets were told, in order. */
  readonly ended: { userId: string; sessionIds: readonly string[]; code: number; reason: string }[];
  /** What contacts were told, in order. */
  readonly told: object[];
  get(path: string, accessToken?: string): Promise<Answer>;
  post(path: string, body: unknown, accessToken?: string): Promise<Answer>;
  /** Sends what is due and answers all mails to this address so far, oldest first. */
  mails(address: string): Promise<SentMail[]>;
  /** Makes and confirms an account with the password `correct <name> staple`. */
  account(name: string): Promise<string>;
  login(name: string, device?: object): Promise<Tokens>;
}

export interface TestAccountsOptions {
  readonly passwords?: PasswordOptions;
  readonly limits?: LimitOptions;
  readonly transport?: MailTransport;
  readonly patience?: Partial<MailPatience>;
}

export const passwordOf = (name: string): string => `correct ${name} staple`;

/** The accounts of a server on a database of its own: real HTTP, real PostgreSQL, mails as files. */
export async function testAccounts(options: TestAccountsOptions = {}): Promise<TestAccounts> {
  const db = await testDatabase();
  const gate = openGate(db.url);
  const folder = mkdtempSync(join(tmpdir(), 'sotto-mail-'));
  const log = createLog('silent');
  const ended: TestAccounts['ended'] = [];
  const told: TestAccounts['told'] = [];
  const key = await generateSigningKey();
  const deps: AccountDeps = {
    gate,
    tokens: createAccessTokens(await importSigningKeys(key.secret)),
    passwords: await createPasswords({ cost: 4, concurrency: 2, ...options.passwords }),
    limits: createLimits({ factor: 100, ...options.limits }),
    devicesChanged: (userId, version, contacts) => told.push({ userId, version, contacts }),
    show: (conversationIds) => told.push({ conversationIds }),
    endSessions: (userId, sessionIds, code, reason) => ended.push({ userId, sessionIds, code, reason }),
    wakeMail() {},
    log,
  };
  const problems: unknown[] = [];
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    routes: [
      ...authRoutes(deps),
      ...accountRoutes(deps),
      ...adminRoutes({ ...deps, live: () => ({ sockets: 0 }), mailJobs: async () => 0 }),
    ],
    origins: [],
    trustedProxies: [],
    report(error) {
      problems.push(error);
      return 'logged';
    },
  });
  const url = `http://127.0.0.1:${listener.port}`;
  const transport = options.transport ?? fileTransport(folder, 'Sotto <sotto@localhost>');
  const sender = createMailSender({
    gate,
    transport,
    publicUrl: url,
    log,
    ...(options.patience && { patience: options.patience }),
  });

  const call = async (method: string, path: string, accessToken?: string, body?: unknown): Promise<Answer> => {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (accessToken !== undefined) headers.authorization = `Bearer ${accessToken}`;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(url + path, { method, headers, ...(body === undefined ? {} : { body: text }) });
    const content = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: response.status, body: isJson ? JSON.parse(content) : content, headers: response.headers };
  };

  const self: TestAccounts = {
    db,
    gate,
    deps,
    url,
    sender,
    ended,
    told,
    get: (path, accessToken) => call('GET', path, accessToken),
    post: (path, body, accessToken) => call('POST', path, accessToken, body),
    async mails(address) {
      while ((await sender.sendDue()) > 0);
      return readMails(folder).filter((mail) => mail.to === address);
    },
    async account(name) {
      const email = `${name}@example.org`;
      await expect(self.post('/v1/auth/register', { username: name, email, password: passwordOf(name) }), 202);
      const token = (await self.mails(email)).at(-1)?.token;
      await expect(self.post('/v1/auth/verify-email', { token }), 204);
      const [row] = await db.sql<{ id: string }[]>`select id from users where username = ${name}`;
      return row?.id ?? '';
    },
    async login(name, device = { name: 'phone' }) {
      const answer = await expect(
        self.post('/v1/auth/login', { login: name, password: passwordOf(name), device }),
        200,
      );
      return answer.body as Tokens;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      transport.close();
      await gate.close();
      await db[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
      if (problems.length > 0) throw new AggregateError(problems, 'the server reported errors');
    },
  };
  return self;
}

async function expect(pending: Promise<Answer>, status: number): Promise<Answer> {
  const answer = await pending;
  if (answer.status !== status)
    throw new Error(`expected ${status}, got ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer;
}

function readMails(folder: string): SentMail[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.eml'));
  // In the order in which they were sent; their names say nothing about that.
  const sentAt = (file: string): number => statSync(join(folder, file)).mtimeMs;
  files.sort((a, b) => sentAt(a) - sentAt(b));
  return files.map((file) => {
    const raw = readFileSync(join(folder, file), 'utf8');
    return {
      raw,
      to: /^To: (.*)$/m.exec(raw)?.[1]?.trim() ?? '',
      subject: /^Subject: (.*)$/m.exec(raw)?.[1]?.trim() ?? '',
      token: /\?token=([\w-]+)/.exec(raw)?.[1],
    };
  });
}
