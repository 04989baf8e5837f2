import type { RequestError } from '../errors.ts';

/** The frame that refuses a request. */
export function errorFrame(id: number, error: RequestError): string {
  const { code, message, retryAfterMs, details } = error;
  return JSON.stringify({ type: 'error', id, code, message, retryAfterMs, details });
}
