import { RequestError } from '../errors.ts';

/** A bucket that fills steadily: bursts up to its size, and a rate over time. For what is counted with every frame. */
export interface Bucket {
  /** Takes `amount` and answers 0, or takes nothing and answers after how many ms it would be there. */
  take(amount: number): number;
}

export interface BucketRow {
  readonly size: number;
  readonly perSecond: number;
  readonly per: string;
  /** Always counted by one instance, without Redis. */
  readonly withoutRedis: 'local';
}

/** What one connection, or one account, may ask for over time; far above what people do, and below what would starve others. */
const bucketTable = {
  requests: { size: 200_000, perSecond: 10_000, per: 'connection', withoutRedis: 'local' },
  bytes: { size: 256 * 1024 * 1024, perSecond: 16 * 1024 * 1024, per: 'connection', withoutRedis: 'local' },
  // Counted in memory, since a round trip per send would cost more than the send: somebody connected to several
  // instances has this on each.
  sends: { size: 20_000, perSecond: 2_000, per: 'account and instance', withoutRedis: 'local' },
} as const satisfies Record<string, BucketRow>;

/** The budget of one connection: a refusal, or nothing if the request may pass. */
export function createBudget(now: () => number): (bytes: number) => RequestError | undefined {
  const requests = createBucket(bucketTable.requests, now);
  const volume = createBucket(bucketTable.bytes, now);
  return (bytes) => refusal('requests', requests.take(1)) ?? refusal('bytes', volume.take(bytes));
}

/** What each account may send over time, over all of its connections to this instance. */
export function createSendBudget(
  now: () => number,
  row: Pick<BucketRow, 'size' | 'perSecond'> = bucketTable.sends,
): (userId: string) => RequestError | undefined {
  // A bucket that nobody took from for this long is full, which is what a new one is: it need not be remembered.
  const fullAfterMs = (row.size / row.perSecond) * 1_000;
  let recent = new Map<string, Bucket>();
  let before = new Map<string, Bucket>();
  let turnedAt = now();
  return (userId) => {
    if (now() - turnedAt > fullAfterMs) {
      before = recent;
      recent = new Map();
      turnedAt = now();
    }
    let bucket = recent.get(userId);
    if (bucket === undefined) {
      bucket = before.get(userId) ?? createBucket(row, now);
      recent.set(userId, bucket);
    }
    return refusal('sends', bucket.take(1));
  };
}

function refusal(bucket: string, retryAfterMs: number): RequestError | undefined {
  return retryAfterMs === 0 ? undefined : new RequestError('rate_limited', { retryAfterMs, details: { bucket } });
}

export function createBucket(row: Pick<BucketRow, 'size' | 'perSecond'>, now: () => number = Date.now): Bucket {
  // In thousandths, of which `perSecond` come with every millisecond: whole numbers, so nothing is lost by rounding.
  const full = row.size * 1_000;
  let level = full;
  let at = now();
  return {
    take(amount) {
      const time = now();
      level = Math.min(full, level + Math.max(0, time - at) * row.perSecond);
      at = time;
      const wanted = amount * 1_000;
      if (wanted > level) return Math.max(1, Math.ceil((Math.min(wanted, full) - level) / row.perSecond));
      level -= wanted;
      return 0;
    },
  };
}
