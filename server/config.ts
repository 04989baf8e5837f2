import { resolve } from 'node:path';
import * as v from 'valibot';
import { isAddressRange } from './listen/address.ts';

/** All that an operator can choose. Frozen; nothing else reads the environment. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Absent: the embedded PostgreSQL in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** One server, or several nodes of a Cluster with commas between. Absent: this is the only instance. */
  readonly redisUrl: string | undefined;
  /** Absent: mails are files in `dataDir`. */
  readonly smtpUrl: string | undefined;
  readonly mailFrom: string;
  /** What links in mails begin with; without a slash at the end. */
  readonly publicUrl: string;
  /** PASERK of the key that signs access tokens. Absent: made and kept in `dataDir`. */
  readonly pasetoSecretKey: string | undefined;
  /** Further public keys (PASERK) whose tokens are accepted, while keys are being exchanged. */
  readonly pasetoPublicKeys: readonly string[];
  /** The origins of pages that may use this server; `*` for all. */
  readonly origins: readonly string[];
  /** Proxies whose word about the client's address is taken. */
  readonly trustedProxies: readonly string[];
  readonly requireMls: boolean;
  readonly shutdownGraceMs: number;
  /** How often connections are compared with the log, for what the bus lost in silence. */
  readonly positionCheckMs: number;
  /** Messages older than this lose their ciphertext. Absent: they are kept. */
  readonly retentionDays: number | undefined;
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** Several servers of this machine share one port. */
  readonly sharePort: boolean;
}

/** Everything that is wrong with the environment, one sentence each, without the values of secrets. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

const defaultMailFrom = 'Sotto <sotto@localhost>';

const port = v.pipe(
  v.string(),
  v.regex(/^\d{1,5}$/, 'must be a port, 1 to 65535, or 0 for any free one'),
  v.transform(Number),
  v.maxValue(65_535, 'must be a port, 1 to 65535, or 0 for any free one'),
);
const list = v.pipe(
  v.string(),
  v.transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ),
);
const flag = v.pipe(
  v.string(),
  v.picklist(['true', 'false', '1', '0'], 'must be true or false'),
  v.transform((text) => text === 'true' || text === '1'),
);
const milliseconds = v.pipe(
  v.string(),
  v.regex(/^\d{1,7}$/, 'must be a number of milliseconds'),
  v.transform(Number),
  v.maxValue(3_600_000, 'must be an hour at most'),
);
const days = v.pipe(
  v.string(),
  v.regex(/^\d{1,5}$/, 'must be a number of days, 1 to 36500'),
  v.transform(Number),
  v.minValue(1, 'must be a number of days, 1 to 36500'),
  v.maxValue(36_500, 'must be a number of days, 1 to 36500'),
);
const databaseSchemes = ['postgres:', 'postgresql:'];
const mustStartWith = (schemes: readonly string[]) =>
  `must be a URL that starts with ${schemes.map((scheme) => `${scheme}//`).join(' or ')}`;
const urlOf = (...schemes: string[]) =>
  v.pipe(
    v.string(),
    v.check((text) => hasScheme(text, schemes), mustStartWith(schemes)),
  );
const redisUrls = v.pipe(
  v.string(),
  v.check(
    (text) => text.split(',').every((url) => hasScheme(url.trim(), ['redis:', 'rediss:'])),
    'must be a URL that starts with redis:// or rediss://, or several with commas between',
  ),
);
const origins = v.pipe(
  list,
  v.check(
    (all) => all.every((origin) => origin === '*' || isOrigin(origin)),
    'must be origins such as https://chat.example.org, without a path, with commas between; or *',
  ),
);
const proxies = v.pipe(
  list,
  v.check((all) => all.every(isAddressRange), 'must be addresses or ranges such as 10.0.0.0/8, with commas between'),
);

const environment = v.object({
  HOST: v.optional(v.string(), '127.0.0.1'),
  PORT: v.optional(port, '8080'),
  ADMIN_HOST: v.optional(v.string(), '127.0.0.1'),
  ADMIN_PORT: v.optional(port),
  DATA_DIR: v.optional(v.string(), './data'),
  DATABASE_URL: v.optional(
    v.pipe(
      v.string(),
      v.check(
        isUnspoilt,
        "can't be read as a URL: special characters of the password must be percent-encoded, as %23 for # and %2F for /",
      ),
      v.check((text) => hasScheme(text, databaseSchemes) || !isUnspoilt(text), mustStartWith(databaseSchemes)),
      v.check(
        namesOneFolder,
        'takes ?host= for the one folder of a UNIX socket: postgres://user@localhost/name?host=/folder',
      ),
    ),
  ),
  REDIS_URL: v.optional(redisUrls),
  SMTP_URL: v.optional(urlOf('smtp:', 'smtps:')),
  MAIL_FROM: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$/, 'must be an address, as in Sotto <sotto@example.org>'),
    ),
    defaultMailFrom,
  ),
  PUBLIC_URL: v.optional(
    v.pipe(
      urlOf('http:', 'https:'),
      v.check((text) => !/[?#]/.test(text), 'must have neither a query nor a fragment: links in mails add to it'),
      v.transform((text) => text.replace(/\/+$/, '')),
    ),
  ),
  PASETO_SECRET_KEY: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^k4\.secret\.[\w-]{86}$/, 'must be a key as `npm run keygen` prints it: k4.secret. and 86 characters'),
    ),
  ),
  PASETO_PUBLIC_KEYS: v.optional(
    v.pipe(
      list,
      v.check(
        (all) => all.every((key) => /^k4\.public\.[\w-]{43}$/.test(key)),
        'must be public keys as `npm run keygen` prints them, with commas between',
      ),
    ),
    '',
  ),
  ORIGINS: v.optional(origins),
  TRUSTED_PROXIES: v.optional(proxies, ''),
  REQUIRE_MLS: v.optional(flag, 'true'),
  SHUTDOWN_GRACE_MS: v.optional(milliseconds, '10000'),
  POSITION_CHECK_MS: v.optional(milliseconds, '40000'),
  RETENTION_DAYS: v.optional(days),
  LOG_LEVEL: v.optional(
    v.picklist(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
      'must be fatal, error, warn, info, debug, trace or silent',
    ),
    'info',
  ),
  SHARE_PORT: v.optional(flag, 'false'),
});

type Environment = v.InferOutput<typeof environment>;

/** The configuration, or a `ConfigError` with all that is wrong. An empty variable counts as absent. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(
    Object.keys(environment.entries).flatMap((name) => (env[name] ? [[name, env[name]]] : [])),
  );
  const parsed = v.safeParse(environment, given);
  const problems = parsed.success ? [] : parsed.issues.map((issue) => `${issue.path?.[0].key} ${issue.message}.`);
  // Rules between variables look at what was given, so that they are reported beside wrong values.
  problems.push(...conflicts(given));
  if (!parsed.success) throw new ConfigError(problems);
  const config = configOf(parsed.output);
  if (config.port === config.adminPort) problems.push(`ADMIN_PORT must not be PORT; both are ${config.port}.`);
  if (config.adminPort > 65_535) problems.push('ADMIN_PORT is needed: the port after PORT does not exist.');
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** The configuration of this process. Port 0 stands for any free one; links in mails must name the real one. */
export async function readOwnConfig(freePort: () => Promise<number>): Promise<Config> {
  const { PORT, ADMIN_PORT } = process.env;
  const chosen = PORT === '0' ? String(await freePort()) : PORT;
  const admin = ADMIN_PORT === '0' || (PORT === '0' && !ADMIN_PORT) ? String(await freePort()) : ADMIN_PORT;
  return readConfig({ ...process.env, PORT: chosen, ADMIN_PORT: admin });
}

function conflicts(given: Readonly<Record<string, string | undefined>>): string[] {
  const problems: string[] = [];
  if (given.REDIS_URL !== undefined && given.PASETO_SECRET_KEY === undefined) {
    problems.push(
      'PASETO_SECRET_KEY is needed with REDIS_URL: all instances must sign with the same key. Make one with `npm run keygen`.',
    );
  }
  if (given.SHARE_PORT === 'true' || given.SHARE_PORT === '1') {
    if (given.DATABASE_URL === undefined)
      problems.push('DATABASE_URL is needed with SHARE_PORT: the embedded PostgreSQL serves one server.');
    if (given.REDIS_URL === undefined)
      problems.push('REDIS_URL is needed with SHARE_PORT: it carries what the servers tell each other.');
  }
  return problems;
}

function configOf(env: Environment): Config {
  const publicUrl = env.PUBLIC_URL ?? localUrl({ host: env.HOST, port: env.PORT });
  const local = [`http://localhost:${env.PORT}`, `http://127.0.0.1:${env.PORT}`];
  return {
    host: env.HOST,
    port: env.PORT,
    adminHost: env.ADMIN_HOST,
    adminPort: env.ADMIN_PORT ?? env.PORT + 1,
    dataDir: resolve(env.DATA_DIR),
    databaseUrl: env.DATABASE_URL,
    redisUrl: env.REDIS_URL,
    smtpUrl: env.SMTP_URL,
    mailFrom: env.MAIL_FROM,
    publicUrl,
    pasetoSecretKey: env.PASETO_SECRET_KEY,
    pasetoPublicKeys: env.PASETO_PUBLIC_KEYS,
    // The page behind a link in a mail is of the public origin, and must always work.
    origins: [...new Set([...(env.ORIGINS ?? local), new URL(publicUrl).origin])],
    trustedProxies: env.TRUSTED_PROXIES,
    requireMls: env.REQUIRE_MLS,
    shutdownGraceMs: env.SHUTDOWN_GRACE_MS,
    positionCheckMs: env.POSITION_CHECK_MS,
    retentionDays: env.RETENTION_DAYS,
    logLevel: env.LOG_LEVEL,
    sharePort: env.SHARE_PORT,
  };
}

/** What works, but hardly as it was meant; one sentence each. */
export function configDoubts(config: Config): string[] {
  if (config.smtpUrl === undefined) return [];
  const doubts: string[] = [];
  if (config.mailFrom === defaultMailFrom)
    doubts.push(
      `MAIL_FROM is left at its default: mails come from ${defaultMailFrom}, which many mail servers refuse.`,
    );
  if (config.publicUrl === localUrl(config))
    doubts.push(
      `PUBLIC_URL is left at its default: links in mails begin with ${config.publicUrl}, which must lead here from where they are read.`,
    );
  return doubts;
}

/** Where programs of this machine find the server: one on all addresses is told to people by one that works here. */
export function localUrl({ host, port }: Pick<Config, 'host' | 'port'>): string {
  return httpUrl(host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host, port);
}

export function httpUrl(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** False where a name or password has characters that end the part of a URL in which they stand. */
function isUnspoilt(text: string): boolean {
  if (!/^postgres(ql)?:\/\/[^@]*:.*@/.test(text)) return true;
  if (!URL.canParse(text)) return false;
  const { username, password, hash } = new URL(text);
  try {
    return hash === '' && decodeURIComponent(username + password) !== undefined;
  } catch {
    // A lone %.
    return false;
  }
}

/** Other hosts belong before the name, and libpq's lists are not understood. */
function namesOneFolder(text: string): boolean {
  const host = URL.canParse(text) ? new URL(text).searchParams.get('host') : null;
  return host === null || (host.startsWith('/') && !host.includes(','));
}

function hasScheme(text: string, schemes: readonly string[]): boolean {
  return URL.canParse(text) && schemes.includes(new URL(text).protocol);
}

function isOrigin(text: string): boolean {
  return hasScheme(text, ['http:', 'https:']) && new URL(text).origin === text;
}
