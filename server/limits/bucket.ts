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

/** What one connection, or the connections of one user to this instance, may do over time. */
export const bucketTable = {
  frames: { size: 20_000, perSecond: 2_000, per: 'connection', withoutRedis: 'local' },
  bytes: { size: 64 * 1024 * 1024, perSecond: 4 * 1024 * 1024, per: 'connection', withoutRedis: 'local' },
  sends: { size: 20_000, perSecond: 1_000, per: 'user', withoutRedis: 'local' },
} as const satisfies Record<string, BucketRow>;

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
