import { StoreUnavailable, storeErrorOf } from './errors.ts';
import { openPool, type Sql, type TransactionSql } from './pool.ts';

/**
 * `append`: entries of logs, whose writers bound themselves; nothing that anybody may ask for at will waits in their line.
 * `read`: whatever else someone waits for. `search`: what someone waits for and may be slow. `background`: what nobody
 * waits for.
 */
export type QueryClass = 'append' | 'read' | 'search' | 'background';

interface ClassLimits {
  /** Queries at once, each on a connection of its own: a slow one never has others behind it. */
  readonly connections: number;
  /** Queries that may wait for their turn; more are refused at once. */
  readonly queue: number;
  readonly statementTimeoutMs: number;
}

export type GateLimits = Readonly<Record<QueryClass, ClassLimits>> & {
  /** A query that has not begun by then is refused. */
  readonly startWithinMs: number;
  readonly lockTimeoutMs: number;
};

export const gateLimits: GateLimits = {
  append: { connections: 4, queue: 256, statementTimeoutMs: 5_000 },
  read: { connections: 8, queue: 2_048, statementTimeoutMs: 5_000 },
  search: { connections: 2, queue: 64, statementTimeoutMs: 1_000 },
  background: { connections: 4, queue: 512, statementTimeoutMs: 30_000 },
  startWithinMs: 2_000,
  lockTimeoutMs: 2_000,
};

/** Counts since the start, except `running` and `waiting`, which are now. */
export interface GateCounts {
  readonly running: number;
  readonly waiting: number;
  /** Refused because the queue was full. */
  readonly refused: number;
  /** Refused because their turn did not come in time. */
  readonly expired: number;
  /** Given up while they ran, because PostgreSQL was silent. */
  readonly abandoned: number;
}

/**
 * The one door to PostgreSQL. The driver by itself queues without bound while the database is away, and waits for ever
 * for one that is silent; here every wait ends. Failures are a `StoreUnavailable` or a `StoreRefused`.
 */
export interface Gate {
  /** One statement; `query` is called when its turn has come. */
  run<T>(kind: QueryClass, query: (sql: Sql) => PromiseLike<T>): Promise<T>;
  /** A transaction, rolled back if `work` throws. Its statements must be quick: it holds a connection. */
  transaction<T>(kind: QueryClass, work: (tx: TransactionSql) => Promise<T>): Promise<T>;
  counts(): Readonly<Record<QueryClass, GateCounts>>;
  /** Makes all connections, so that no query has to wait for its own. */
  connect(): Promise<void>;
  /** Refuses what comes from now on, waits for what runs (at most 5 s), closes the connections. */
  close(): Promise<void>;
}

/** `waited`: told of each query that had to wait for its turn, and for how long. */
export function openGate(
  url: string,
  limits: GateLimits = gateLimits,
  waited: (kind: QueryClass, ms: number) => void = () => {},
): Gate {
  const lane = (kind: QueryClass): Lane => new Lane(url, kind, limits, waited);
  const lanes: Record<QueryClass, Lane> = {
    append: lane('append'),
    read: lane('read'),
    search: lane('search'),
    background: lane('background'),
  };
  return {
    run: (kind, query) => lanes[kind].run(query),
    // The driver's type unwraps arrays of promises, which no caller uses.
    transaction: <T>(kind: QueryClass, work: (tx: TransactionSql) => Promise<T>) =>
      lanes[kind].run((sql) => sql.begin(work) as Promise<T>),
    counts: () => ({
      append: lanes.append.counts(),
      read: lanes.read.counts(),
      search: lanes.search.counts(),
      background: lanes.background.counts(),
    }),
    connect: async () => {
      await Promise.all(Object.values(lanes).map((each) => each.connect()));
    },
    close: async () => {
      await Promise.all(Object.values(lanes).map((each) => each.close()));
    },
  };
}

const closeWithinMs = 5_000;

/** One connection: a pool of one, which connects at the first query and again after a loss. */
interface Seat {
  sql: Sql;
  busy: boolean;
}

interface Waiter {
  start(seat: Seat): void;
  refuse(error: StoreUnavailable): void;
  readonly timer: NodeJS.Timeout;
}

/** The semaphore, the queue and the connections of one class. */
class Lane {
  readonly #openSeat: () => Sql;
  readonly #limits: ClassLimits;
  readonly #startWithinMs: number;
  readonly #waited: (ms: number) => void;
  readonly #waiting = new Set<Waiter>();
  /** In the order in which they are tried. */
  readonly #seats: Seat[];
  #closed = false;
  #whenIdle: (() => void) | undefined;
  #refused = 0;
  #expired = 0;
  #abandoned = 0;

  constructor(url: string, kind: QueryClass, limits: GateLimits, waited: (kind: QueryClass, ms: number) => void) {
    const { connections, statementTimeoutMs } = limits[kind];
    this.#limits = limits[kind];
    this.#startWithinMs = limits.startWithinMs;
    this.#waited = (ms) => waited(kind, ms);
    this.#openSeat = () =>
      openPool({ url, max: 1, name: kind, statementTimeoutMs, lockTimeoutMs: limits.lockTimeoutMs });
    this.#seats = Array.from({ length: connections }, () => ({ sql: this.#openSeat(), busy: false }));
  }

  async run<T>(query: (sql: Sql) => PromiseLike<T>): Promise<T> {
    const seat = this.#take() ?? (await this.#turn());
    try {
      return await this.#race(seat, query);
    } catch (error) {
      const failure = storeErrorOf(error);
      if (failure instanceof StoreUnavailable) this.#tryLast(seat);
      throw failure;
    } finally {
      this.#release(seat);
    }
  }

  /** Each connection at once, so that none is made while somebody waits. */
  async connect(): Promise<void> {
    await Promise.all(this.#seats.map(() => this.run((sql) => sql`select`)));
  }

  counts(): GateCounts {
    const waiting = this.#waiting.size;
    return {
      running: this.#running,
      waiting,
      refused: this.#refused,
      expired: this.#expired,
      abandoned: this.#abandoned,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const waiter of this.#waiting) waiter.refuse(closing());
    if (this.#running > 0) await this.#idle();
    await Promise.all(this.#seats.map(({ sql }) => sql.end({ timeout: 0 })));
  }

  /** The driver's own way to end would refuse queries that have begun here but not yet left. */
  #idle(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, closeWithinMs);
      this.#whenIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /**
   * Always the first that is free, never each in turn: PostgreSQL's process of a connection that was used a moment ago
   * has what it needs in the processor's caches.
   */
  #take(): Seat | undefined {
    // None is free while anybody waits: a seat goes from hand to hand.
    const seat = this.#closed ? undefined : this.#seats.find(({ busy }) => !busy);
    if (seat !== undefined) seat.busy = true;
    return seat;
  }

  /** It may have lost its connection and get no other, while the rest have theirs. */
  #tryLast(seat: Seat): void {
    this.#seats.push(...this.#seats.splice(this.#seats.indexOf(seat), 1));
  }

  get #running(): number {
    return this.#seats.filter(({ busy }) => busy).length;
  }

  #turn(): Promise<Seat> {
    if (this.#closed) return Promise.reject(closing());
    if (this.#waiting.size >= this.#limits.queue) {
      this.#refused += 1;
      return Promise.reject(new StoreUnavailable('not_done', 'too many queries wait for PostgreSQL'));
    }
    const asked = performance.now();
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(waiter.timer);
        this.#waiting.delete(waiter);
        this.#waited(performance.now() - asked);
      };
      const waiter: Waiter = {
        start: (seat) => {
          leave();
          resolve(seat);
        },
        refuse: (error) => {
          leave();
          reject(error);
        },
        timer: setTimeout(() => {
          this.#expired += 1;
          waiter.refuse(new StoreUnavailable('not_done', 'PostgreSQL had no time for the query'));
        }, this.#startWithinMs),
      };
      this.#waiting.add(waiter);
    });
  }

  #release(seat: Seat): void {
    // A Set keeps the order of insertion: first come, first served.
    const [next] = this.#waiting;
    if (next !== undefined) return next.start(seat);
    seat.busy = false;
    if (this.#whenIdle !== undefined && this.#running === 0) this.#whenIdle();
  }

  async #race<T>(seat: Seat, query: (sql: Sql) => PromiseLike<T>): Promise<T> {
    const { sql } = seat;
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        this.#abandoned += 1;
        this.#replace(seat);
        // What silenced one has mostly silenced its neighbours; those at work will find out for themselves.
        for (const idle of this.#seats) if (!idle.busy) this.#replace(idle);
        reject(new StoreUnavailable('unknown', 'PostgreSQL did not answer'));
      }, this.#limits.statementTimeoutMs + 1_000);
    });
    try {
      return await Promise.race([query(sql), silence]);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * PostgreSQL ends statements at their timeout by itself, so a connection that is silent beyond it is dead, and the
   * driver would keep it for ever.
   */
  #replace(seat: Seat): void {
    const dead = seat.sql;
    seat.sql = this.#openSeat();
    dead.end({ timeout: 0 }).catch(() => {
      // It is being given up; there is nothing left to do about it.
    });
  }
}

function closing(): StoreUnavailable {
  return new StoreUnavailable('not_done', 'the server is closing its database connections');
}
