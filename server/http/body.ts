import * as v from 'valibot';
import { RequestError } from '../errors.ts';
import type { HttpRequest, HttpResponse } from '../listen/transport.ts';

/** The body as the schema wants it; `bad_request` names the first field that isn't. */
export function readBody<Body extends v.GenericSchema>(request: HttpRequest, schema: Body): v.InferOutput<Body> {
  const parsed = v.safeParse(schema, isForm(request) ? readForm(request) : readJson(request));
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const field = v.getDotPath(issue) ?? '';
  const problem = issue.received === 'undefined' ? 'is missing' : issue.message;
  throw new RequestError('bad_request', {
    message: `${field === '' ? 'The body' : field}: ${problem}`,
    details: { field },
  });
}

/** True for what a page without a script sends. Some programs say so of the JSON they send. */
export function isForm(request: HttpRequest): boolean {
  return (
    request.body[0] !== 0x7b && /^application\/x-www-form-urlencoded\b/i.test(request.headers.get('content-type') ?? '')
  );
}

export function json(status: number, body: unknown): HttpResponse {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}

export const noContent: HttpResponse = { status: 204 };

function readForm(request: HttpRequest): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(decode(request)));
}

function readJson(request: HttpRequest): unknown {
  try {
    return JSON.parse(decode(request));
  } catch {
    throw new RequestError('bad_request', { message: 'The body is not JSON.' });
  }
}

function decode(request: HttpRequest): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(request.body);
  } catch {
    throw new RequestError('bad_request', { message: 'The body is not UTF-8.' });
  }
}
