/** One limit: so many points per key in so many seconds. */
export interface LimitRow {
  readonly points: number;
  readonly seconds: number;
  /** What the key is, for readers of this table. */
  readonly per: string;
  /**
   * While Redis is away: `alone` = each instance counts by itself, so the sum over instances can be higher;
   * `local` = it is always counted by one instance, Redis or not.
   */
  readonly withoutRedis: 'alone' | 'local';
}

/** Every limit that is counted over time. Checked before any side effect; a refusal names its row. */
export const limitTable = {
  login_address: { points: 120, seconds: 60, per: 'client address', withoutRedis: 'alone' },
  login_account: { points: 60, seconds: 900, per: 'login name', withoutRedis: 'alone' },
  login_failures: { points: 10, seconds: 900, per: 'client address and login name', withoutRedis: 'alone' },
  refresh_address: { points: 600, seconds: 60, per: 'client address', withoutRedis: 'alone' },
  register_address: { points: 300, seconds: 3600, per: 'client address', withoutRedis: 'alone' },
  mail_address: { points: 5, seconds: 3600, per: 'e-mail address', withoutRedis: 'alone' },
  mail_requests: { points: 300, seconds: 3600, per: 'client address', withoutRedis: 'alone' },
  link_attempts: { points: 60, seconds: 60, per: 'client address', withoutRedis: 'alone' },
  password_check: { points: 10, seconds: 900, per: 'account', withoutRedis: 'alone' },
  account_change: { points: 10, seconds: 3600, per: 'account', withoutRedis: 'alone' },
  account_export: { points: 10, seconds: 3600, per: 'account', withoutRedis: 'alone' },
  lookup: { points: 300, seconds: 60, per: 'account', withoutRedis: 'alone' },
  profile_update: { points: 60, seconds: 3600, per: 'account', withoutRedis: 'alone' },
  // Counts the keys, or one for a query without; and 20 for a request with such queries.
  search: { points: 6_000, seconds: 60, per: 'account', withoutRedis: 'alone' },
  open: { points: 600, seconds: 60, per: 'account', withoutRedis: 'alone' },
  conversation_update: { points: 300, seconds: 3600, per: 'account', withoutRedis: 'alone' },
  message_delete: { points: 1_200, seconds: 60, per: 'account', withoutRedis: 'alone' },
  presence: { points: 60, seconds: 60, per: 'account', withoutRedis: 'alone' },
  key_lookup: { points: 1_200, seconds: 60, per: 'account', withoutRedis: 'alone' },
  key_register: { points: 30, seconds: 3600, per: 'account', withoutRedis: 'alone' },
  key_publish: { points: 120, seconds: 3600, per: 'device', withoutRedis: 'alone' },
  key_claim: { points: 60, seconds: 3600, per: 'claiming account and claimed device', withoutRedis: 'alone' },
  commit: { points: 600, seconds: 3600, per: 'account and conversation', withoutRedis: 'alone' },
  commit_account: { points: 36_000, seconds: 3600, per: 'account', withoutRedis: 'alone' },
  recovery_put: { points: 120, seconds: 3600, per: 'account', withoutRedis: 'alone' },
  recovery_get: { points: 60, seconds: 3600, per: 'account', withoutRedis: 'alone' },
  link_offer: { points: 30, seconds: 3600, per: 'account', withoutRedis: 'alone' },
} as const satisfies Record<string, LimitRow>;

export type LimitName = keyof typeof limitTable;
