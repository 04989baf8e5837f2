import { existsSync, readFileSync } from 'node:fs';
import postgres from 'postgres';

/** A pool of connections. `types` says that int8 comes as a number. */
export type Sql = postgres.Sql<{ bigint: number }>;
export type TransactionSql = postgres.TransactionSql<{ bigint: number }>;

export interface PoolOptions {
  readonly url: string;
  /** Connections at most. */
  readonly max: number;
  /** Seen in pg_stat_activity. */
  readonly name: string;
  /** 0 for none. */
  readonly statementTimeoutMs: number;
  /** 0 for none. */
  readonly lockTimeoutMs: number;
}

/** The only place that opens connections to PostgreSQL. Nothing connects before the first query. */
export function openPool(options: PoolOptions): Sql {
  checkPatch();
  const { url, path } = addressOf(options.url);
  return postgres(url, {
    ...(path !== undefined && { path }),
    max: options.max,
    connect_timeout: 5,
    // By default the driver ends each connection after half an hour or an hour, and the query that comes next waits.
    max_lifetime: null,
    // The default waits up to 20 s before it looks again; PostgreSQL is usually back within one.
    backoff: (retries: number) => Math.min(0.05 * 2 ** retries, 1) * (0.5 + Math.random() / 2),
    onnotice: () => {},
    connection: {
      application_name: `sotto ${options.name}`,
      statement_timeout: options.statementTimeoutMs,
      lock_timeout: options.lockTimeoutMs,
      idle_in_transaction_session_timeout: 30_000,
      // What users search for, write or log in with is nothing for PostgreSQL's log.
      log_parameter_max_length_on_error: 0,
      TimeZone: 'UTC',
    },
    types: { bigint: { to: 20, from: [20], parse: parseInt8, serialize: (value: number) => value.toString() } },
    transform: { undefined: null, column: { from: columnName } },
  });
}

/** A UNIX socket is named as in libpq's URLs, `postgres://user@localhost/name?host=/folder`, which the driver doesn't know. */
function addressOf(given: string): { url: string; path?: string } {
  const url = new URL(given);
  const folder = url.searchParams.get('host');
  if (folder === null) return { url: given };
  const port = url.searchParams.get('port') ?? (url.port || '5432');
  // No TLS on a socket, as libpq has it.
  for (const name of ['host', 'port', 'sslmode']) url.searchParams.delete(name);
  return { url: url.href, path: `${folder}/.s.PGSQL.${port}` };
}

/** Counters, positions and times fit in 53 bits; anything larger would be silently wrong, so it is refused. */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`the database returned ${text}, which is no safe integer`);
  return value;
}

/** `last_seq` -> `lastSeq`; a trailing `!` or `?` is only a hint of the query to its types. */
function columnName(name: string): string {
  return postgres.toCamel(name.replace(/[!?]$/, ''));
}

let patched: boolean | undefined;

/** Unpatched, the driver ends the process when a connection is lost inside a transaction, or just after it was made. */
function checkPatch(): void {
  patched ??= isPatched();
  if (!patched) throw new Error('The package postgres lacks its patch from patches/. Apply it: npx patch-package');
}

function isPatched(): boolean {
  const source = new URL('connection.js', import.meta.resolve('postgres'));
  // Without that file the server was bundled, and the patch went in with it.
  if (!existsSync(source)) return true;
  const code = readFileSync(source, 'utf8');
  return ['if (socket === null)', 'fetchArrayTypes().catch('].every((line) => code.includes(line));
}
