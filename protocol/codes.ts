import * as v from 'valibot';

/**
 * What can be wrong with one request. The connection lives on.
 * `retry`: `same` = the identical bytes may succeed later; `changed` = only after the caller changed something; `never`.
 */
export const errorCodes = {
  bad_request: { status: 400, retry: 'changed', text: 'The request is not well formed.' },
  unknown_type: { status: 404, retry: 'never', text: 'This server does not know that type of request.' },
  unauthenticated: { status: 401, retry: 'changed', text: 'A valid access token is needed.' },
  forbidden: { status: 403, retry: 'never', text: 'This account or device may not do that.' },
  not_found: { status: 404, retry: 'never', text: 'There is no such thing, or it is not yours to see.' },
  conflict: { status: 409, retry: 'changed', text: 'It is in another state than the request assumes.' },
  idempotency_conflict: { status: 409, retry: 'never', text: 'That client id was used for other content.' },
  stale_epoch: { status: 409, retry: 'changed', text: 'The conversation is at another epoch.' },
  removal_required: { status: 409, retry: 'changed', text: 'A revoked device must be removed from the group first.' },
  rate_limited: { status: 429, retry: 'same', text: 'Too many requests; wait before the next one.' },
  too_large: { status: 413, retry: 'changed', text: 'The request is too large.' },
  unavailable: {
    status: 503,
    retry: 'same',
    text: 'Not possible right now; the outcome is unknown. Send the same again.',
  },
  internal: { status: 500, retry: 'same', text: 'Something went wrong on the server.' },
  // HTTP only
  username_taken: { status: 409, retry: 'changed', text: 'That username is taken.' },
  invalid_credentials: { status: 401, retry: 'changed', text: 'The login or the password is wrong.' },
  email_unverified: { status: 403, retry: 'changed', text: 'Confirm your e-mail address first.' },
  account_suspended: { status: 403, retry: 'never', text: 'This account is suspended.' },
  token_invalid: { status: 401, retry: 'changed', text: 'The token is not valid, or has expired.' },
  token_reuse: { status: 401, retry: 'changed', text: 'That refresh token was used before; the session was ended.' },
} as const satisfies Record<string, { status: number; retry: 'same' | 'changed' | 'never'; text: string }>;

export type ErrorCode = keyof typeof errorCodes;

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorCodes, code);

export const errorCode = v.picklist(Object.keys(errorCodes) as ErrorCode[]);

/** Why a connection ended. 4000 to 4499: connect again. 4500 to 4999: not before something has changed. */
export const closeCodes = {
  draining: 4000,
  too_slow: 4001,
  internal: 4002,
  hello_timeout: 4003,
  idle: 4006,
  protocol_error: 4500,
  token_invalid: 4501,
  device_revoked: 4502,
  account_suspended: 4503,
  displaced: 4504,
  protocol_unsupported: 4505,
} as const;

export type CloseName = keyof typeof closeCodes;

/** The reasons that travel with 4502. */
export const revocationReasons = ['logged_out', 'revoked', 'password_changed', 'token_reuse'] as const;
export type RevocationReason = (typeof revocationReasons)[number];

/** True if a client should connect again by itself after this close code. */
export const reconnects = (code: number): boolean => code < 4500 || code > 4999;
