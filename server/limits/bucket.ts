import { RequestError } from '../errors.ts';

/** How much at once, and how much over time. */
export interface Rate {
  readonly size: number;
  readonly perSecond: number;
}

export interface BucketRow extends Rate {
  readonly per: string;
}

/**
 * What one connection, or one account, may ask for over time; far above what people do, and below what would starve
 * others. Always counted by one instance, without Redis.
 */
const bucketTable = {
  requests: { size: 200_000, perSecond: 10_000, per: 'connection' },
  bytes: { size: 256 * 1024 * 1024, perSecond: 16 * 1024 * 1024, per: 'connection' },
  // These two are counted in memory, since a round trip would cost more than what is counted: somebody connected to several
  // instances has them on each. `reads`: or one account could keep the connections to PostgreSQL busy on which all others wait.
  reads: { size: 2_000, perSecond: 100, per: 'account and instance' },
  sends: { size: 20_000, perSecond: 2_000, per: 'account and instance' },
} as const satisfies Record<string, BucketRow>;

/** What one connection may still ask for. */
export class Budget {
  readonly #requests: Bucket;
  readonly #bytes: Bucket;

  /** `now`, here and below, is in milliseconds; a clock that is set back counts as no time. */
  constructor(now: number) {
    this.#requests = new Bucket(bucketTable.requests, now);
    this.#bytes = new Bucket(bucketTable.bytes, now);
  }

  /** A refusal, or nothing if a frame of so many bytes may pass. */
  spend(bytes: number, now: number): RequestError | undefined {
    return refusal('requests', this.#requests.take(1, now)) ?? refusal('bytes', this.#bytes.take(bytes, now));
  }

  /** It is what a new one would be, so it need not be kept. */
  isWhole(now: number): boolean {
    return this.#requests.isFull(now) && this.#bytes.isFull(now);
  }
}

/** What each account may do over time, over all of its connections to this instance: a refusal, or nothing. */
export function createAccountBudget(
  bucket: 'reads' | 'sends',
  now: () => number,
  row: Rate = bucketTable[bucket],
): (userId: string) => RequestError | undefined {
  // A bucket that nobody took from for this long is full, which is what a new one is: it need not be remembered.
  const fullAfterMs = (row.size / row.perSecond) * 1_000;
  let recent = new Map<string, Bucket>();
  let before = new Map<string, Bucket>();
  let turnedAt = now();
  return (userId) => {
    const time = now();
    if (time - turnedAt > fullAfterMs) {
      before = recent;
      recent = new Map();
      turnedAt = time;
    }
    let own = recent.get(userId);
    if (own === undefined) {
      own = before.get(userId) ?? new Bucket(row, time);
      recent.set(userId, own);
    }
    return refusal(bucket, own.take(1, time));
  };
}

function refusal(bucket: string, retryAfterMs: number): RequestError | undefined {
  return retryAfterMs === 0 ? undefined : new RequestError('rate_limited', { retryAfterMs, details: { bucket } });
}

/** A bucket that fills steadily: bursts up to its size, and a rate over time. For what is counted with every frame. */
export class Bucket {
  readonly #rate: Rate;
  // In thousandths, of which `perSecond` come with every millisecond: whole numbers, so nothing is lost by rounding.
  #level: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#level = rate.size * 1_000;
    this.#at = now;
  }

  /** Takes `amount` and answers 0, or takes nothing and answers after how many ms it would be there. */
  take(amount: number, now: number): number {
    this.#fill(now);
    const wanted = amount * 1_000;
    if (wanted <= this.#level) {
      this.#level -= wanted;
      return 0;
    }
    const { size, perSecond } = this.#rate;
    return Math.max(1, Math.ceil((Math.min(wanted, size * 1_000) - this.#level) / perSecond));
  }

  isFull(now: number): boolean {
    this.#fill(now);
    return this.#level === this.#rate.size * 1_000;
  }

  #fill(now: number): void {
    const { size, perSecond } = this.#rate;
    this.#level = Math.min(size * 1_000, this.#level + Math.max(0, now - this.#at) * perSecond);
    this.#at = now;
  }
}
