import * as v from 'valibot';
import { type ErrorCode, errorCodes, isErrorCode } from '../protocol/codes.ts';

interface More {
  readonly retryAfterMs?: number | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/** What no server says: the SDK has no word of the protocol for it. */
const ownCodes = {
  closed: { retry: 'never' },
} as const satisfies Record<string, { retry: 'same' | 'changed' | 'never' }>;

export type SottoErrorCode = ErrorCode | keyof typeof ownCodes;

/**
 * What went wrong with a request, with the server's stable code. What the SDK finds by itself has the code the server
 * would have used: `unavailable` when an answer did not come (the outcome is unknown), `bad_request` for a wrong body.
 * `closed` is its own: the client was closed, and another one has to be made.
 */
export class SottoError extends Error {
  readonly code: SottoErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: SottoErrorCode, message: string, more: More = {}) {
    super(message, { cause: more.cause });
    this.name = 'SottoError';
    this.code = code;
    this.retryAfterMs = more.retryAfterMs;
    this.details = more.details;
  }

  /** `same`: the identical request may succeed later. `changed`: only a different one. `never`: neither. */
  get retry(): 'same' | 'changed' | 'never' {
    return { ...errorCodes, ...ownCodes }[this.code].retry;
  }
}

/** An error as it travels, from a server of any later version or from another tab: its code may be unknown here. */
export const anyError = v.object({
  code: v.string(),
  message: v.string(),
  retryAfterMs: v.optional(v.number()),
  details: v.optional(v.record(v.string(), v.unknown())),
});
export type AnyError = v.InferOutput<typeof anyError>;

/** An error as the server wrote it. A code of a later protocol version is treated as `internal`, and kept in `details`. */
export function fromServer(error: AnyError): SottoError {
  if (isErrorCode(error.code)) return new SottoError(error.code, error.message, error);
  return new SottoError('internal', error.message, { ...error, details: { ...error.details, code: error.code } });
}

export const closedError = (): SottoError => new SottoError('closed', 'the client is closed');

/** Anything thrown, as a sentence. */
export const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
