/** What an encryption step can refuse with; the application and the tests tell them apart by code. */
export type E2eeErrorCode =
  | 'malformed' // not parseable, trailing bytes, or a shape the protocol does not allow
  | 'refused' // parseable and authentic, but breaks one of our rules
  | 'unvouched' // a leaf that `acceptLeaf` refused: ask the directory again once, then the conversation is unsafe
  | 'undecryptable' // authentication failed: tampered, or from someone outside the group
  | 'replayed' // its key was used and erased; seen before, or from a rolled-back sender
  | 'future_epoch' // wait: a commit is missing
  | 'past_epoch' // too old for the keys that are kept
  | 'wrong_group'
  | 'not_for_us' // a welcome that none of our key packages opens
  | 'not_a_member' // this device was removed from the group
  | 'key_missing' // a history or search key of that version was never received
  | 'unpatched'
  | 'store_damaged'
  | 'store_closed'
  | 'store_locked' // another process holds it
  | 'wrong_passphrase'; // or the key file of another store

/** A lock is given up, and keys may come. */
const passing = new Set<E2eeErrorCode>(['store_locked', 'key_missing', 'future_epoch']);
const mendable = new Set<E2eeErrorCode>(['malformed', 'refused', 'unvouched', 'wrong_passphrase']);

export class E2eeError extends Error {
  readonly code: E2eeErrorCode;

  constructor(code: E2eeErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'E2eeError';
    this.code = code;
  }

  /** As a `SottoError` says it: whether the same call may succeed later, only another one, or none. */
  get retry(): 'same' | 'changed' | 'never' {
    if (passing.has(this.code)) return 'same';
    return mendable.has(this.code) ? 'changed' : 'never';
  }
}
