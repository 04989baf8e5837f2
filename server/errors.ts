import { type ErrorCode, errorCodes } from '../protocol/codes.ts';

export interface RequestErrorOptions {
  /** A sentence for people, instead of the code's own. */
  readonly message?: string;
  readonly retryAfterMs?: number;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A refusal with a code of the contract; the only error whose text reaches a client. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, options: RequestErrorOptions = {}) {
    super(options.message ?? errorCodes[code].text);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details;
  }
}

/** For what may pass a moment later. */
export const unavailable = (): RequestError => new RequestError('unavailable', { retryAfterMs: 500 });
