import postgres from 'postgres';

/** The database could not do it now. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  /** `not_done`: surely nothing happened. `unknown`: it may have been committed, or may be still. */
  readonly outcome: 'not_done' | 'unknown';

  constructor(outcome: 'not_done' | 'unknown', message: string, cause?: unknown) {
    super(message, { cause });
    this.outcome = outcome;
  }
}

/** The database understood and said no: a constraint, a mistake in the statement. Nothing was done. */
export class StoreRefused extends Error {
  override readonly name = 'StoreRefused';
  /** Five characters, as `23505` for a unique violation. */
  readonly sqlState: string;
  readonly constraint: string | undefined;

  constructor(cause: postgres.PostgresError) {
    super(`${cause.code}: ${cause.message}`, { cause });
    this.sqlState = cause.code;
    this.constraint = cause.constraint_name;
  }
}

export type StoreError = StoreUnavailable | StoreRefused;

/** What a driver error means. Errors that are not the driver's are the caller's own, and come back as they are. */
export function storeErrorOf(error: unknown): unknown {
  if (error instanceof postgres.PostgresError) return fromServer(error);
  if (!(error instanceof Error) || !('code' in error)) return error;
  switch (error.code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
    case 'EACCES':
    // A UNIX socket whose queue is full; and too many open files, here or in the whole system.
    case 'EAGAIN':
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'CONNECT_TIMEOUT':
    case 'CONNECTION_ENDED':
      return new StoreUnavailable('not_done', `no connection to PostgreSQL (${error.code})`, error);
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'CONNECTION_CLOSED':
    case 'CONNECTION_DESTROYED':
      return new StoreUnavailable('unknown', `the connection to PostgreSQL was lost (${error.code})`, error);
    default:
      return ofSystem(error) ?? error;
  }
}

/** Whatever else the system says of a network: one that is down, has no way there, or no address or memory left. */
function ofSystem(error: Error & { readonly code: unknown }): StoreUnavailable | undefined {
  // A name with several addresses fails with the error of each.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error) || !('syscall' in first)) return undefined;
  const outcome = first.syscall === 'connect' || first.syscall === 'getaddrinfo' ? 'not_done' : 'unknown';
  return new StoreUnavailable(outcome, `PostgreSQL could not be reached (${error.code})`, error);
}

/** Lock not available, read-only after a failover, deadlock, not serializable. All pass. */
const passing = new Set(['55P03', '25006', '40P01', '40001']);
/** Connection, resources (also a full disk), operator intervention (also statement timeout and shutdown), system. */
const passingClasses = new Set(['08', '53', '57', '58']);

function fromServer(error: postgres.PostgresError): StoreError {
  if (!passing.has(error.code) && !passingClasses.has(error.code.slice(0, 2))) return new StoreRefused(error);
  // A connection that is cut while `commit` is on its way may have committed; every other statement was rolled back.
  const outcome =
    error.code === '57P01' || error.code === '57P02' || error.code.startsWith('08') ? 'unknown' : 'not_done';
  return new StoreUnavailable(outcome, `PostgreSQL could not do it (${error.code}: ${error.message})`, error);
}
