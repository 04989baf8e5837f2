import { StoreUnavailable } from './errors.ts';

const MAX_BATCH = 250;
/** Batches at a time; while they are in PostgreSQL, the next one forms. */
const IN_FLIGHT = 2;
/** Who has waited longer is refused instead of asked for. */
const START_WITHIN_MS = 5_000;
const MAX_WAITING = 20_000;

interface Waiter<Ask, Answer> {
  readonly ask: Ask;
  readonly since: number;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/**
 * Joins equal questions about different rows into one statement: those of one turn, and those that come while earlier
 * ones are in PostgreSQL. One question alone is asked at once; thousands at a time, as when an instance has died, cost
 * a round trip for each 250.
 *
 * `run` answers in the order of its questions. `keyOf`: questions with the same key never share a batch.
 */
export function joined<Ask, Answer>(
  run: (asks: readonly Ask[]) => Promise<readonly Answer[]>,
  keyOf?: (ask: Ask) => string,
  most = MAX_BATCH,
): (ask: Ask) => Promise<Answer> {
  let waiting: Waiter<Ask, Answer>[] = [];
  let inFlight = 0;
  let scheduled = false;

  function schedule(): void {
    if (scheduled || inFlight >= IN_FLIGHT || waiting.length === 0) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      while (inFlight < IN_FLIGHT && waiting.length > 0) void start(cut());
    });
  }

  function cut(): Waiter<Ask, Answer>[] {
    const batch: Waiter<Ask, Answer>[] = [];
    const later: Waiter<Ask, Answer>[] = [];
    const keys = new Set<string>();
    let looked = 0;
    for (; looked < waiting.length && batch.length < most; looked++) {
      const waiter = waiting[looked];
      if (waiter === undefined) break;
      const key = keyOf?.(waiter.ask);
      if (key !== undefined && keys.size === keys.add(key).size) later.push(waiter);
      else if (performance.now() - waiter.since > START_WITHIN_MS)
        waiter.reject(new StoreUnavailable('not_done', 'PostgreSQL had no time for the query'));
      else batch.push(waiter);
    }
    waiting = later.concat(waiting.slice(looked));
    return batch;
  }

  async function start(batch: Waiter<Ask, Answer>[]): Promise<void> {
    if (batch.length === 0) return;
    inFlight++;
    try {
      const answers = await run(batch.map(({ ask }) => ask));
      if (answers.length !== batch.length) throw new Error('the store did not answer every question');
      for (const [i, waiter] of batch.entries()) waiter.resolve(answers[i] as Answer);
    } catch (error) {
      for (const waiter of batch) waiter.reject(error);
    }
    inFlight--;
    schedule();
  }

  return (ask) => {
    if (waiting.length >= MAX_WAITING)
      return Promise.reject(new StoreUnavailable('not_done', 'too many questions wait for PostgreSQL'));
    return new Promise((resolve, reject) => {
      waiting.push({ ask, since: performance.now(), resolve, reject });
      schedule();
    });
  };
}

/** Rows that say by `n`, counted from 1, which question they answer. */
export function byQuestion<Row extends { readonly n: number }>(rows: readonly Row[], questions: number): Row[][] {
  const answers: Row[][] = Array.from({ length: questions }, () => []);
  for (const row of rows) answers[row.n - 1]?.push(row);
  return answers;
}
