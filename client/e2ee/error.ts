/** What an encryption step can refuse with; the application and the tests tell them apart by code. */
const e2eeErrorCodes = {
  /** Not parseable, trailing bytes, or a shape the protocol does not allow. */
  malformed: { retry: 'changed' },
  /** Parseable and authentic, but breaks one of our rules. */
  refused: { retry: 'changed' },
  /** A leaf that `acceptLeaf` refused: ask the directory again once, then the conversation is unsafe. */
  unvouched: { retry: 'changed' },
  /** Authentication failed: tampered, or from someone outside the group. */
  undecryptable: { retry: 'never' },
  /** Its key was used and erased; seen before, or from a rolled-back sender. */
  replayed: { retry: 'never' },
  /** Wait: a commit is missing. */
  future_epoch: { retry: 'same' },
  /** Too old for the keys that are kept. */
  past_epoch: { retry: 'never' },
  wrong_group: { retry: 'never' },
  /** A welcome that none of our key packages opens. */
  not_for_us: { retry: 'never' },
  /** This device was removed from the group. */
  not_a_member: { retry: 'never' },
  /** A history or search key of that version was never received; it may come. */
  key_missing: { retry: 'same' },
  unpatched: { retry: 'never' },
  store_damaged: { retry: 'never' },
  store_closed: { retry: 'never' },
  /** Another process holds it, and may give it up. */
  store_locked: { retry: 'same' },
  /** Or the key file of another store. */
  wrong_passphrase: { retry: 'changed' },
} as const satisfies Record<string, { retry: 'same' | 'changed' | 'never' }>;

export type E2eeErrorCode = keyof typeof e2eeErrorCodes;

export const isE2eeErrorCode = (code: string): code is E2eeErrorCode => Object.hasOwn(e2eeErrorCodes, code);

export class E2eeError extends Error {
  readonly code: E2eeErrorCode;

  constructor(code: E2eeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'E2eeError';
    this.code = code;
  }

  /** As a `SottoError` says it: whether the same call may succeed later, only another one, or none. */
  get retry(): 'same' | 'changed' | 'never' {
    return e2eeErrorCodes[this.code].retry;
  }
}
