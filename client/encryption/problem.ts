import { NotEncodable } from '../codec.ts';
import { SottoError } from '../errors.ts';

/** Not possible yet, but soon: whoever asked asks again after a moment. */
export const notYet = (why: string, retryAfterMs = 1_000, waitsFor?: WaitsFor): SottoError =>
  new SottoError('unavailable', why, { retryAfterMs, details: waitsFor && { waitsFor } });

/** What may take long, so that people want to know of it: the person's first device, or another device of one's own. */
type WaitsFor = 'no_device' | 'not_added' | 'not_linked';

/** Why a message is not sent before a person has decided something. */
export const blocked = (
  code: 'identity_changed' | 'conversation_unsafe' | 'members_changed',
  why: string,
): NotEncodable => new NotEncodable(code, why);

/** True for what the same request may survive later. */
export const isPassing = (error: unknown): boolean => error instanceof SottoError && error.retry === 'same';
