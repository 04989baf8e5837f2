/**
 * Who is online, as all instances together know it. A lease that no instance renews runs out, so the users of an
 * instance that was killed go offline by themselves, and a short reconnect isn't noticed by anybody.
 */
export interface Leases {
  /** Each lease now lasts the full time again. Answers those who had none: they came online. */
  renew(userIds: readonly string[]): Promise<readonly string[]>;
  /** Ends the lease at once. */
  end(userId: string): Promise<void>;
  /** Those of the users who have a lease. */
  online(userIds: readonly string[]): Promise<readonly string[]>;
  /** Takes away leases that ran out; each is told to one instance only. `seenAt`: when it was last renewed. */
  sweep(): Promise<readonly { readonly userId: string; readonly seenAt: number }[]>;
  close(): void;
}

/** How long a lease lasts; it is renewed three times as often. */
export const LEASE_MS = 20_000;

/** For one instance alone. */
export function createLocalLeases(now: () => number): Leases {
  const until = new Map<string, number>();
  return {
    renew(userIds) {
      const came = userIds.filter((userId) => !until.has(userId));
      for (const userId of userIds) until.set(userId, now() + LEASE_MS);
      return Promise.resolve(came);
    },
    end(userId) {
      until.delete(userId);
      return Promise.resolve();
    },
    online: (userIds) => Promise.resolve(userIds.filter((userId) => (until.get(userId) ?? 0) > now())),
    sweep() {
      const gone = [...until].filter(([, end]) => end <= now());
      for (const [userId] of gone) until.delete(userId);
      return Promise.resolve(gone.map(([userId, end]) => ({ userId, seenAt: end - LEASE_MS })));
    },
    close() {},
  };
}
