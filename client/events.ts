import type { Conversation, EventBody, EventType } from '../protocol/index.ts';
import type { ConnectionState } from './connection.ts';
import type { OwnMessage } from './own-messages.ts';
import type { Entry } from './records.ts';

/**
 * What `client.on` can listen to: the server's events as they come, and what the SDK makes of them.
 * `message.new` among them is raw: it may come twice, and after a break late. `client.receive` is what applications want.
 */
export type ClientEvents = { readonly [Type in EventType]: EventBody<Type> } & {
  readonly connection: ConnectionState;
  /** A message of this device has another state. */
  readonly message: OwnMessage;
  /** A conversation appeared or changed: its members' marks, its unread count, its last entry. */
  readonly conversation: Conversation;
  /** A message was edited, reacted to, deleted or has expired: the entry as it is now. */
  readonly changed: Entry;
  /** The handler failed for this entry, which counts as handled now. */
  readonly failed: Entry;
  /** Something went wrong that nobody asked for: a malformed event, a full disk. The SDK goes on. */
  readonly problem: Error;
};
