import * as v from 'valibot';
import {
  isNotificationType,
  isRequestType,
  notifications,
  type RequestBody,
  type RequestType,
  requests,
} from '../../protocol/index.ts';
import { RequestError } from '../errors.ts';
import type { Context, Handlers, NotificationHandlers, Pending } from '../handlers/handler.ts';
import type { Ticket } from './session.ts';

/** A reply's body, or why there is none. */
export type Result = RequestError | object;

/** What dispatch needs to know of the server. */
export interface Desk {
  readonly handlers: Handlers;
  readonly notificationHandlers: NotificationHandlers;
  /** Undefined for a token that is not valid, or not for access. */
  verifyToken(token: string): Promise<Ticket | undefined>;
  /** Turns whatever was thrown into the refusal the client sees; a bug is logged under an id. */
  explain(error: unknown, type: string): RequestError;
}

type AnyHandler = (body: unknown, context: Context) => object | Pending<object>;

/** From a request's type and body to its result: schema, handler, and the one place that catches what they throw. */
export function dispatch(
  desk: Desk,
  type: string,
  body: unknown,
  context: Context,
  session: { renew(ticket: Ticket): boolean; finish(result: Result): void },
): void {
  const fail = (error: unknown): void => session.finish(desk.explain(error, type));
  try {
    if (!isRequestType(type)) return session.finish(new RequestError('unknown_type'));
    if (type === 'session.renew') {
      const parsed = v.safeParse(requests[type].body, body);
      if (!parsed.success) return session.finish(badRequest(parsed.issues[0]));
      return void renew(desk, parsed.output, session).then(session.finish, fail);
    }
    const parsed = v.safeParse(requests[type].body, body, { abortEarly: true, abortPipeEarly: true });
    if (!parsed.success) return session.finish(badRequest(parsed.issues[0]));
    const handler = handlerOf(desk.handlers, type);
    if (handler === undefined) return session.finish(new RequestError(type === 'hello' ? 'conflict' : 'unknown_type'));
    const result = handler(parsed.output, context);
    if (isPending(result)) result.then(session.finish, fail);
    else session.finish(result);
  } catch (error) {
    fail(error);
  }
}

/** False if the body can't be what it says: the connection is to be closed. Unknown notifications are ignored. */
export function takeNotification(
  table: NotificationHandlers,
  type: string,
  body: unknown,
  context: Context,
): 'taken' | 'unknown' | 'bad' {
  if (!isNotificationType(type)) return 'unknown';
  const parsed = v.safeParse(notifications[type].body, body, { abortEarly: true, abortPipeEarly: true });
  if (!parsed.success) return 'bad';
  if (!Object.hasOwn(table, type)) return 'unknown';
  // The table's type proves that this handler takes what this schema gives.
  const handler = (table as Readonly<Record<string, (body: unknown, context: Context) => void>>)[type];
  handler?.(parsed.output, context);
  return 'taken';
}

// The table's type proves that each handler takes what its schema gives.
function handlerOf(handlers: Handlers, type: RequestType): AnyHandler | undefined {
  return Object.hasOwn(handlers, type) ? (handlers as Readonly<Record<string, AnyHandler>>)[type] : undefined;
}

async function renew(
  desk: Desk,
  body: RequestBody<'session.renew'>,
  session: { renew(ticket: Ticket): boolean },
): Promise<Result> {
  const ticket = await desk.verifyToken(body.token);
  if (ticket === undefined || !session.renew(ticket)) return new RequestError('unauthenticated');
  return { expiresAt: new Date(ticket.expiresAt).toISOString() };
}

export function badRequest(issue: v.BaseIssue<unknown>): RequestError {
  const field =
    issue.path
      ?.map((item) => String(item.key))
      .join('.')
      .slice(0, 100) ?? '';
  return new RequestError('bad_request', {
    message: field === '' ? 'The body is not well formed.' : `The field ${field} is not well formed.`,
    details: { field },
  });
}

const isPending = (result: object): result is Pending<object> => 'then' in result && typeof result.then === 'function';
