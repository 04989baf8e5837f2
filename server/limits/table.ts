/** One limit: so many points per key in so many seconds. */
export interface LimitRow {
  readonly points: number;
  readonly seconds: number;
  /** What the key is, for readers of this table. */
  readonly per: string;
}

/**
 * Every limit that is counted over time. Checked before any side effect; a refusal names its row. While Redis is away
 * each instance counts by itself, so that the sum over all of them can be higher.
 */
export const limitTable = {
  login_address: { points: 120, seconds: 60, per: 'client address' },
  login_account: { points: 60, seconds: 900, per: 'login name' },
  login_failures: { points: 10, seconds: 900, per: 'client address and login name' },
  refresh_address: { points: 600, seconds: 60, per: 'client address' },
  register_address: { points: 300, seconds: 3600, per: 'client address' },
  mail_address: { points: 5, seconds: 3600, per: 'e-mail address' },
  mail_requests: { points: 300, seconds: 3600, per: 'client address' },
  link_attempts: { points: 60, seconds: 60, per: 'client address' },
  password_check: { points: 10, seconds: 900, per: 'account' },
  account_change: { points: 10, seconds: 3600, per: 'account' },
  account_export: { points: 10, seconds: 3600, per: 'account' },
  lookup: { points: 300, seconds: 60, per: 'account' },
  profile_update: { points: 60, seconds: 3600, per: 'account' },
  // Counts the keys, or one for a query without; and 20 for a request with such queries.
  search: { points: 6_000, seconds: 60, per: 'account' },
  open: { points: 600, seconds: 60, per: 'account' },
  conversation_update: { points: 300, seconds: 3600, per: 'account' },
  message_delete: { points: 1_200, seconds: 60, per: 'account' },
  presence: { points: 60, seconds: 60, per: 'account' },
  key_lookup: { points: 1_200, seconds: 60, per: 'account' },
  key_register: { points: 30, seconds: 3600, per: 'account' },
  key_publish: { points: 120, seconds: 3600, per: 'device' },
  key_claim: { points: 60, seconds: 3600, per: 'claiming account and claimed device' },
  commit: { points: 600, seconds: 3600, per: 'account and conversation' },
  commit_account: { points: 36_000, seconds: 3600, per: 'account' },
  recovery_put: { points: 120, seconds: 3600, per: 'account' },
  recovery_get: { points: 60, seconds: 3600, per: 'account' },
  link_offer: { points: 30, seconds: 3600, per: 'account' },
} as const satisfies Record<string, LimitRow>;

export type LimitName = keyof typeof limitTable;
