import { conversation as conversationSchema } from '../protocol/conversation.ts';
import type { Conversation, MessageEntry, Reply, RequestInput } from '../protocol/index.ts';
import type { Cancel, Clock } from './clock.ts';
import { type Marks, marksOfOthers } from './message-state.ts';
import { keys, readAll } from './records.ts';
import type { ServerEvent } from './requests.ts';
import type { ClientStore } from './store.ts';

export interface ConversationsOptions {
  readonly store: ClientStore;
  readonly clock: Clock;
  list(body: RequestInput<'conversation.list'>): Promise<Reply<'conversation.list'>>;
  get(conversationId: string): Promise<Conversation>;
  onChange(conversation: Conversation): void;
  onProblem(problem: unknown): void;
}

const PAGE = 200;
const MAX_PAGES = 50;
/** Changes of this long are one write: a busy conversation has many, and a crash loses nothing that is not told again. */
const WRITE_EVERY_MS = 250;

/** The conversations of this user with their marks and unread counts, as the server last told them. */
export class Conversations {
  readonly #options: ConversationsOptions;
  readonly #known = new Map<string, Conversation>();
  readonly #asked = new Set<string>();
  readonly #changed = new Set<string>();
  #due: Cancel | undefined;
  #writing: Promise<void> = Promise.resolve();
  #closed = false;
  #me = '';

  constructor(options: ConversationsOptions) {
    this.#options = options;
  }

  /** What was known when this program last ran. */
  async load(userId: string): Promise<void> {
    this.#me = userId;
    for (const each of await readAll(this.#options.store, conversationSchema, { prefix: keys.conversations })) {
      this.#known.set(each.id, each);
    }
  }

  /** Newest activity first. */
  all(): Conversation[] {
    return [...this.#known.values()].sort((a, b) => (a.lastAt < b.lastAt ? 1 : a.lastAt > b.lastAt ? -1 : 0));
  }

  get(id: string): Conversation | undefined {
    return this.#known.get(id);
  }

  /** How far everyone else has got. */
  marks(id: string): Marks {
    const known = this.#known.get(id);
    return known === undefined ? { deliveredSeq: 0, readSeq: 0 } : marksOfOthers(known, this.#me);
  }

  /** Reads the whole list again. */
  async refresh(): Promise<void> {
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const reply = await this.#options.list(cursor === undefined ? { limit: PAGE } : { limit: PAGE, cursor });
      for (const each of reply.conversations) this.put(each);
      ({ cursor } = reply);
      if (cursor === undefined) return;
    }
  }

  /** Takes a conversation as the server told it. Marks told earlier are kept where they are higher. */
  put(told: Conversation): void {
    const before = this.#known.get(told.id);
    const members = told.members.map((member) => {
      const old = before?.members.find((each) => each.userId === member.userId);
      return old === undefined ? member : { ...member, ...raised(member, old) };
    });
    this.#keep({ ...told, members, lastSeq: Math.max(told.lastSeq, before?.lastSeq ?? 0) });
  }

  take(event: ServerEvent): void {
    switch (event.type) {
      case 'conversation.changed':
        return this.put(event.body.conversation);
      case 'message.new':
        return this.sent(event.body);
      case 'receipt.changed': {
        const { conversationId, userId, unread, ...marks } = event.body;
        return this.#update(conversationId, (known) => ({
          ...this.#raise(known, userId, marks),
          ...(unread === undefined ? {} : { unread }),
          ...(userId === this.#me ? { readSeq: Math.max(known.readSeq, marks.readSeq) } : {}),
        }));
      }
    }
  }

  /** A message in the log: its sender has everything up to it, and has read it; no receipt says so. */
  sent({
    conversationId,
    senderId,
    seq,
    sentAt,
    silent,
  }: Pick<MessageEntry, 'conversationId' | 'senderId' | 'seq' | 'sentAt' | 'silent'>): void {
    this.#update(conversationId, (known) => {
      const told = this.#raise(known, senderId, { deliveredSeq: seq, readSeq: seq });
      const next = senderId === this.#me ? answered(told, seq) : told;
      if (seq <= known.lastSeq) return next;
      const notifies = senderId !== this.#me && silent !== true;
      return { ...next, lastSeq: seq, lastAt: sentAt, unread: next.unread + (notifies ? 1 : 0) };
    });
  }

  #update(id: string, change: (known: Conversation) => Conversation): void {
    const known = this.#known.get(id);
    if (known !== undefined) return this.#keep(change(known));
    if (this.#asked.has(id)) return;
    this.#asked.add(id);
    this.#options
      .get(id)
      .then((told) => this.put(told), this.#options.onProblem)
      .finally(() => this.#asked.delete(id));
  }

  #raise(known: Conversation, userId: string, marks: Marks): Conversation {
    const members = known.members.map((each) => (each.userId === userId ? { ...each, ...raised(each, marks) } : each));
    return { ...known, members };
  }

  #keep(next: Conversation): void {
    this.#known.set(next.id, next);
    this.#changed.add(next.id);
    if (!this.#closed) this.#due ??= this.#options.clock.after(WRITE_EVERY_MS, () => this.#write());
    this.#options.onChange(next);
  }

  #write(): void {
    this.#due?.();
    this.#due = undefined;
    const { store, onProblem } = this.#options;
    const ids = [...this.#changed];
    const changes = ids.map((id) => ({ key: keys.conversation(id), value: this.#known.get(id) }));
    this.#changed.clear();
    if (changes.length === 0) return;
    this.#writing = this.#writing
      .then(() => store.write(changes))
      .catch((error: unknown) => {
        // With the next change, or when the client closes.
        for (const id of ids) this.#changed.add(id);
        onProblem(error);
      });
  }

  /** Writes what is not kept yet. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#write();
    await this.#writing;
  }
}

/** Whoever sends has read what was there, and accepts the conversation. */
const answered = (known: Conversation, seq: number): Conversation => ({
  ...known,
  readSeq: Math.max(known.readSeq, seq),
  unread: seq >= known.lastSeq ? 0 : known.unread,
  accepted: true,
});

const raised = (a: Marks, b: Marks): Marks => ({
  deliveredSeq: Math.max(a.deliveredSeq, b.deliveredSeq, b.readSeq),
  readSeq: Math.max(a.readSeq, b.readSeq),
});

/** The direct conversation with the person of that username. */
export const isDirectWith = (conversation: Conversation, username: string, me: string): boolean =>
  conversation.kind === 'direct' &&
  conversation.members.some((member) => member.userId !== me && member.username === username);
