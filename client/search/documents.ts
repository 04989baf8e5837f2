import * as v from 'valibot';
import { type Bytes, concat, fromUtf8, readUint32, uint32, utf8 } from '../e2ee/bytes.ts';

/** One message as the index knows it. */
export interface Document {
  readonly conversationId: string;
  readonly seq: number;
  readonly senderId: string;
  /** In ms since 1970. */
  readonly sentAt: number;
}

/** The order in which hits are given: newest first. Equal for the same message only. */
export function compareDocuments(a: Document, b: Document): number {
  if (a.sentAt !== b.sentAt) return b.sentAt - a.sentAt;
  if (a.seq !== b.seq) return b.seq - a.seq;
  return a.conversationId < b.conversationId ? 1 : a.conversationId > b.conversationId ? -1 : 0;
}

const names = v.object({ count: v.number(), conversations: v.array(v.string()), senders: v.array(v.string()) });

/** Who said something where and when: the messages of one segment, newest first, 20 bytes each. */
export class DocumentTable {
  readonly count: number;
  /** Messages that were deleted, or said anew in a later segment. */
  readonly dead = new Set<number>();
  readonly #conversations: readonly string[];
  readonly #senders: readonly string[];
  readonly #conversation: Uint16Array;
  readonly #sender: Uint16Array;
  readonly #seq: Float64Array;
  readonly #sentAt: Float64Array;
  /** The lowest and highest seq of each conversation: what is outside need not be looked for. */
  readonly #bounds = new Map<string, readonly [number, number]>();

  /** Throws a RangeError or a TypeError for what `encodeDocuments` did not make. */
  constructor(stored: Uint8Array) {
    const start = 4 + readUint32(stored, 0);
    const read = v.safeParse(names, JSON.parse(fromUtf8(stored.subarray(4, start))));
    if (!read.success || stored.length !== start + 20 * read.output.count)
      throw new TypeError('not a table of messages');
    const { count, conversations, senders } = read.output;
    // Copied, because a view has to begin at a multiple of its element's size.
    const part = (from: number, size: number) =>
      stored.slice(start + from * count, start + (from + size) * count).buffer;
    this.count = count;
    this.#conversations = conversations;
    this.#senders = senders;
    this.#sentAt = new Float64Array(part(0, 8));
    this.#seq = new Float64Array(part(8, 8));
    this.#conversation = new Uint16Array(part(16, 2));
    this.#sender = new Uint16Array(part(18, 2));
    for (let at = 0; at < count; at += 1) {
      const { conversationId, seq } = this.at(at);
      const [low, high] = this.#bounds.get(conversationId) ?? [seq, seq];
      this.#bounds.set(conversationId, [Math.min(low, seq), Math.max(high, seq)]);
    }
  }

  at(index: number): Document {
    return {
      conversationId: this.#conversations[this.#conversation[index] ?? 0] ?? '',
      senderId: this.#senders[this.#sender[index] ?? 0] ?? '',
      seq: this.#seq[index] ?? 0,
      sentAt: this.#sentAt[index] ?? 0,
    };
  }

  find(conversationId: string, seq: number): number {
    const [low, high] = this.#bounds.get(conversationId) ?? [1, 0];
    if (seq < low || seq > high) return -1;
    const conversation = this.#conversations.indexOf(conversationId);
    for (let at = 0; at < this.count; at += 1)
      if (this.#seq[at] === seq && this.#conversation[at] === conversation) return at;
    return -1;
  }

  get newest(): number {
    return this.#sentAt[0] ?? Number.NEGATIVE_INFINITY;
  }

  get oldest(): number {
    return this.#sentAt[this.count - 1] ?? Number.POSITIVE_INFINITY;
  }

  /** Says of a message whether it may be a hit, without making an object of it. */
  filter(wanted: { conversationId?: string; senderId?: string; after: number; before: number }) {
    const conversation = wanted.conversationId === undefined ? -1 : this.#conversations.indexOf(wanted.conversationId);
    const sender = wanted.senderId === undefined ? -1 : this.#senders.indexOf(wanted.senderId);
    const none =
      (conversation < 0 && wanted.conversationId !== undefined) || (sender < 0 && wanted.senderId !== undefined);
    if (none || this.newest < wanted.after || this.oldest >= wanted.before) return undefined;
    return (at: number): boolean => {
      const time = this.#sentAt[at] ?? 0;
      return (
        (conversation < 0 || this.#conversation[at] === conversation) &&
        (sender < 0 || this.#sender[at] === sender) &&
        time >= wanted.after &&
        time < wanted.before &&
        !this.dead.has(at)
      );
    };
  }
}

/** `documents` in the order of `compareDocuments`. */
export function encodeDocuments(documents: readonly Document[]): Bytes {
  const conversations = new Map<string, number>();
  const senders = new Map<string, number>();
  const number = (known: Map<string, number>, name: string) => {
    const at = known.get(name) ?? known.size;
    known.set(name, at);
    return at;
  };
  const conversation = Uint16Array.from(documents, (each) => number(conversations, each.conversationId));
  const sender = Uint16Array.from(documents, (each) => number(senders, each.senderId));
  const head = utf8(
    JSON.stringify({ count: documents.length, conversations: [...conversations.keys()], senders: [...senders.keys()] }),
  );
  const columns = [
    Float64Array.from(documents, (each) => each.sentAt),
    Float64Array.from(documents, (each) => each.seq),
    conversation,
    sender,
  ];
  return concat(uint32(head.length), head, ...columns.map((column) => new Uint8Array(column.buffer)));
}
