import type { BusMessage } from './bus.ts';

interface Kept {
  readonly users: Set<string>;
  message: BusMessage;
}

/**
 * What could not be published, until the bus returns. Of a conversation only the highest seq is kept, since whoever
 * hears of it reads what is missing from the log; of a state only the latest. Ephemeral messages aren't kept.
 */
export class Unpublished {
  readonly #limit: number;
  #kept = new Map<string, Kept>();
  #weight = 0;
  #overflowed = false;

  /** `limit`: pairs of message and user. Beyond it all is dropped and `overflowed` tells that everyone must look. */
  constructor(limit = 50_000) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#weight;
  }

  keep(userId: string, message: BusMessage): void {
    if (message.class === 'ephemeral' || this.#overflowed) return;
    const key = keyOf(userId, message);
    const kept = this.#kept.get(key);
    if (kept === undefined) {
      this.#kept.set(key, { users: new Set([userId]), message });
      // Large frames count for more, so that memory is bounded too.
      this.#weight += message.class === 'state' ? 1 + Math.floor(message.frame.length / 1024) : 1;
    } else {
      if (isNewer(message, kept.message)) kept.message = message;
      if (!kept.users.has(userId)) this.#weight += 1;
      kept.users.add(userId);
    }
    if (this.#weight > this.#limit) {
      this.#kept = new Map();
      this.#overflowed = true;
    }
  }

  /** Hands over all of it and starts anew. Entries come as wake-ups without content. */
  take(): {
    readonly messages: readonly { users: readonly string[]; message: BusMessage }[];
    readonly overflowed: boolean;
  } {
    const messages = [...this.#kept.values()].map(({ users, message }) => ({
      users: [...users],
      message: message.class === 'durable' ? { ...message, frame: undefined } : message,
    }));
    const overflowed = this.#overflowed;
    this.#kept = new Map();
    this.#weight = 0;
    this.#overflowed = false;
    return { messages, overflowed };
  }
}

function isNewer(message: BusMessage, than: BusMessage): boolean {
  return message.class !== 'durable' || than.class !== 'durable' || message.seq > than.seq;
}

function keyOf(userId: string, message: Exclude<BusMessage, { class: 'ephemeral' }>): string {
  switch (message.class) {
    case 'durable':
      return `durable ${message.conversationId}`;
    case 'state':
      // Users may get different frames under one key: a reader's own devices are also told what is unread.
      return `state ${userId} ${message.key}`;
    case 'control':
      return `control ${JSON.stringify(message.control)}`;
  }
}
