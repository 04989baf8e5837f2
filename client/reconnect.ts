import { closeCodes, reconnects } from '../protocol/codes.ts';
import { SottoError } from './errors.ts';

/** How a connection, or the attempt to make one, came to its end. */
export type Ended =
  | { readonly is: 'closed'; readonly code: number; readonly reason: string; readonly reconnectAfterMs?: number }
  /** The server answered hello with an error. */
  | { readonly is: 'not_greeted'; readonly error: SottoError }
  /** There was no access token to be had. */
  | { readonly is: 'no_token'; readonly error: unknown };

/** Why the SDK does not connect again by itself. */
export interface Refusal {
  /** The close code, or the error code of the refresh that failed. */
  readonly code: number | string;
  readonly reason: string;
}

export type NextStep =
  | { readonly is: 'retry'; readonly afterMs: number; readonly refreshFirst: boolean }
  | { readonly is: 'refuse'; readonly refusal: Refusal };

const BASE_MS = 500;
const CAP_MS = 15_000;
const TOKEN_TRIES = 3;
const DISPLACED_TRIES = 3;

/** Exponential backoff with full jitter: `random` (0 to 1) of the whole range, so that a crowd spreads out evenly. */
export const backoffMs = (tries: number, random: number, baseMs = BASE_MS, capMs = CAP_MS): number =>
  Math.floor(random * Math.min(capMs, baseMs * 2 ** Math.min(tries, 30)));

const definite = new Set<string>([
  'token_invalid',
  'token_reuse',
  'unauthenticated',
  'account_suspended',
  'forbidden',
  'bad_request',
]);

/**
 * What to do after the `tries`-th connection in a row that did not last. `displacements`: how often a connection
 * was displaced before this device's own earlier hello can no longer have been the reason, since one stood that long; 0 if
 * this one did.
 */
export function nextStep(ended: Ended, tries: number, random: number, displacements = 0): NextStep {
  const retry = (afterMs: number, refreshFirst = false): NextStep => ({ is: 'retry', afterMs, refreshFirst });
  const refuse = (code: number | string, reason: string): NextStep => ({ is: 'refuse', refusal: { code, reason } });
  const withNewToken = (reason: string) =>
    tries >= TOKEN_TRIES
      ? refuse(closeCodes.token_invalid, reason)
      : retry(tries === 0 ? 0 : backoffMs(tries, random), true);

  switch (ended.is) {
    case 'no_token': {
      const { error } = ended;
      if (!(error instanceof SottoError)) return retry(backoffMs(tries, random));
      if (definite.has(error.code)) return refuse(error.code, error.message);
      return retry(error.retryAfterMs ?? backoffMs(tries, random));
    }
    case 'not_greeted':
      if (ended.error.code === 'unauthenticated') return withNewToken(ended.error.message);
      return retry(ended.error.retryAfterMs ?? backoffMs(tries, random));
    case 'closed':
      if (ended.code === closeCodes.token_invalid) return withNewToken(ended.reason);
      // It may be this device's own earlier hello that had its turn late. A second copy of the program would displace
      // again and again: then this one stays away.
      if (ended.code === closeCodes.displaced && displacements > 0 && displacements <= DISPLACED_TRIES) {
        return retry(backoffMs(Math.max(tries, displacements), random));
      }
      if (!reconnects(ended.code)) return refuse(ended.code, ended.reason);
      // The server spreads its clients itself; adding jitter of our own would only blur that.
      return retry(ended.reconnectAfterMs ?? backoffMs(tries, random));
  }
}
