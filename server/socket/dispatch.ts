import * as v from 'valibot';
import {
  isNotificationType,
  isRequestType,
  type NotificationType,
  notifications,
  type Reply,
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

/** The connection a request came on. */
interface Asking {
  renew(ticket: Ticket): boolean;
  finish(result: Result): void;
}

/** One issue is enough to refuse a body. */
const FIRST_ISSUE = { abortEarly: true, abortPipeEarly: true } as const;

/** From a request's type and body to its result: schema, handler, and the one place that catches what they throw. */
export function dispatch(desk: Desk, type: string, body: unknown, context: Context, session: Asking): void {
  const fail = (error: unknown): void => session.finish(desk.explain(error, type));
  try {
    if (!isRequestType(type)) return session.finish(new RequestError('unknown_type'));
    const parsed = v.safeParse(requests[type].body, body, FIRST_ISSUE);
    if (!parsed.success) return session.finish(badRequest(parsed.issues[0]));
    const table = type === 'session.renew' ? renewal(desk, session) : desk.handlers;
    const handler = handlerOf<object | Pending<object>>(table, type);
    if (handler === undefined) return session.finish(new RequestError(type === 'hello' ? 'conflict' : 'unknown_type'));
    const result = handler(parsed.output, context);
    if (isPending(result)) result.then(session.finish, fail);
    else session.finish(result);
  } catch (error) {
    fail(error);
  }
}

/** `bad`: the body can't be what it says, and the connection is to be closed. `unknown` is to be ignored. */
export function takeNotification(
  table: NotificationHandlers,
  type: string,
  body: unknown,
  context: Context,
): 'taken' | 'unknown' | 'bad' {
  if (!isNotificationType(type)) return 'unknown';
  const parsed = v.safeParse(notifications[type].body, body, FIRST_ISSUE);
  if (!parsed.success) return 'bad';
  handlerOf<void>(table, type)?.(parsed.output, context);
  return 'taken';
}

/** The tables' types prove that each handler takes what its type's schema gives. `type` is one of the protocol's. */
function handlerOf<Answer>(
  table: object,
  type: RequestType | NotificationType,
): ((body: unknown, context: Context) => Answer) | undefined {
  return (table as Readonly<Record<string, (body: unknown, context: Context) => Answer>>)[type];
}

/** What the session itself answers. */
const renewal = (desk: Desk, session: Asking) => ({
  async 'session.renew'({ token }: RequestBody<'session.renew'>): Promise<Reply<'session.renew'>> {
    const ticket = await desk.verifyToken(token);
    if (ticket === undefined || !session.renew(ticket)) throw new RequestError('unauthenticated');
    return { expiresAt: new Date(ticket.expiresAt).toISOString() };
  },
});

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
