import { STATUS_CODES } from 'node:http';
import { type ErrorCode, errorCodes } from '../../protocol/codes.ts';
import { RequestError } from '../errors.ts';
import type { HttpResponse } from './transport.ts';

/** The HTTP form of a refusal. */
export function errorAnswer(error: RequestError): HttpResponse {
  const { code, message, retryAfterMs, details } = error;
  return {
    status: errorCodes[code].status,
    headers: {
      'Content-Type': 'application/json',
      ...(retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterMs / 1_000)) }),
    },
    body: JSON.stringify({ error: { code, message, retryAfterMs, details } }),
  };
}

/** The same with another status than the code's own, for what HTTP names more precisely. */
export function refusal(status: number, code: ErrorCode, message: string, retryAfterMs?: number): HttpResponse {
  const error = new RequestError(code, { message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
  return { ...errorAnswer(error), status };
}

/** Whatever a handler threw, as an answer; what is not a refusal is reported and told by its log id only. */
export function failureAnswer(error: unknown, report: (error: unknown) => string): HttpResponse {
  if (error instanceof RequestError) return errorAnswer(error);
  return errorAnswer(new RequestError('internal', { details: { logId: report(error) } }));
}

export function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? 'Unknown'}`;
}
