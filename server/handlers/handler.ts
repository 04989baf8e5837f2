import type { NotificationBody, NotificationType, Reply, RequestBody, RequestType } from '../../protocol/index.ts';
import type { Connection } from '../delivery/hub.ts';
import type { Log } from '../log.ts';

/** What a handler knows of who asks. */
export interface Context {
  readonly connection: Connection;
  readonly log: Log;
}

/**
 * A reply that comes later. A promise is one; the reply to `message.send` instead calls back in the same turn in which
 * its entry is told to others, so that no later entry can overtake it on the sender's own connection.
 */
export interface Pending<T> {
  then(resolve: (value: T) => void, reject: (error: unknown) => void): unknown;
}

/** Answers a request: a reply, or a `RequestError` thrown. It never writes to the connection. */
export type Handler<Type extends RequestType> = (
  body: RequestBody<Type>,
  context: Context,
) => Reply<Type> | Raw | Pending<Reply<Type> | Raw>;

/** A reply's body that is JSON already. */
export class Raw {
  readonly json: string;

  constructor(json: string) {
    this.json = json;
  }
}

/** `hello` and `session.renew` belong to the session itself. */
export type Handlers = {
  readonly [Type in Exclude<RequestType, 'hello' | 'session.renew' | Optional>]: Handler<Type>;
} & {
  readonly [Type in Optional]?: Handler<Type>;
};

/** Requests that parts answer which a server may be wired without; they are then refused as `unknown_type`. */
export type Optional =
  | 'presence.set'
  | 'device.list'
  | 'device.revoke'
  | 'profile.get'
  | 'profile.update'
  | 'user.find'
  | 'user.block'
  | 'user.unblock'
  | 'recovery.put'
  | 'recovery.get';

/** Takes a notification. A body that can't be true is answered by closing the connection. */
export type NotificationHandlers = {
  readonly [Type in NotificationType]: (body: NotificationBody<Type>, context: Context) => void;
};
