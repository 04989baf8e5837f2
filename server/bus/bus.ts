/**
 * How instances tell each other what happened. At most once and unordered across a reconnect: PostgreSQL is the truth,
 * and whoever may have missed something (`doubt`) looks there. Losing a message costs latency only.
 */

/** One entry of a conversation's log: `message.new`, `commit.new`. The frame is finished and never parsed again. */
export interface EntryMessage {
  readonly class: 'durable';
  readonly conversationId: string;
  readonly seq: number;
  /** Absent for large entries or many recipients: each instance reads the log once. */
  readonly frame: string | undefined;
}

/** An absolute value of which only the latest counts: receipts, conversations, presence. Coalesced by `key`. */
export interface StateMessage {
  readonly class: 'state';
  readonly key: string;
  readonly frame: string;
}

/** Dropped first under pressure: typing. */
export interface EphemeralMessage {
  readonly class: 'ephemeral';
  readonly key: string;
  readonly frame: string;
}

/** Sessions that ended or a device that connected elsewhere: sockets are to be closed. Or something waits for devices. */
export interface ControlMessage {
  readonly class: 'control';
  readonly control:
    | { readonly kind: 'ended'; readonly sessionIds: readonly string[]; readonly code: number; readonly reason: string }
    | { readonly kind: 'displaced'; readonly deviceId: string; readonly connectionNo: number }
    | { readonly kind: 'wake'; readonly deviceIds: readonly string[] };
}

export type BusMessage = EntryMessage | StateMessage | EphemeralMessage | ControlMessage;

/** Larger entries, and entries for more users, travel as a wake-up: each instance reads them from the log once. */
const MAX_FRAME_LENGTH = 4096;
const MAX_RECIPIENTS = 8;

/** The message as it is to travel to so many users. */
export function withoutHeavyContent(message: BusMessage, recipients: number): BusMessage {
  if (message.class !== 'durable' || message.frame === undefined) return message;
  if (message.frame.length <= MAX_FRAME_LENGTH && recipients <= MAX_RECIPIENTS) return message;
  return { ...message, frame: undefined };
}

/** What comes from other instances, and from this one's own `publish` if the bus is in-process. */
export interface BusListener {
  message(userId: string, message: BusMessage): void;
  /**
   * Messages may have been missed (reconnect, silent subscriber): every outbox must check its positions. `since`: another
   * instance could not publish from then on, and kept too little to make up for it.
   */
  doubt(since?: number): void;
}

export interface Bus {
  /**
   * Resolves once everything published for the user from now on reaches this instance; while the bus is doubtful at
   * once or soon, and then `doubt` comes after that is so. Never rejects. Counted: one `unsubscribe` each.
   */
  subscribe(userId: string): Promise<void>;
  unsubscribe(userId: string): void;
  /**
   * Tells the other instances, for each of these users. Local delivery is done by the caller. Never throws and never
   * waits; what could not be published is kept as (conversation, seq), bounded, and announced when the bus returns.
   */
  publish(userIds: readonly string[], message: BusMessage): void;
  /** True while messages may be getting lost; positions are then checked more often. */
  readonly doubtful: boolean;
  /** Characters that wait to be published. */
  readonly publishing: number;
  listen(listener: BusListener): void;
  close(): Promise<void>;
}

/** One instance alone: there is nobody to tell. */
export function createLocalBus(): Bus {
  return {
    doubtful: false,
    publishing: 0,
    subscribe: () => Promise.resolve(),
    unsubscribe() {},
    publish() {},
    listen() {},
    close: () => Promise.resolve(),
  };
}
