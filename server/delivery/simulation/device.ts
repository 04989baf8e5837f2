import { MAX_IN_FLIGHT } from '../../../protocol/scalars.ts';
import type { Identity } from '../../store/store.ts';
import type { Instance } from './instance.ts';
import type { Oracle, Sent } from './oracle.ts';
import { Wire } from './wire.ts';
import type { World } from './world.ts';

interface Frame {
  readonly type: string;
  readonly id?: number;
  readonly code?: string;
  readonly body?: Record<string, unknown>;
}

interface Asked {
  readonly type: string;
  readonly order: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly sent?: Sent;
}

/** One connection, and what the contract lets the device expect on it. */
interface Link {
  readonly wire: Wire;
  readonly asked: Map<number, Asked>;
  /** Where the logs stood when hello was said. */
  readonly heads: ReadonlyMap<string, number>;
  /** By conversation: the latest event, the latest reply to a send, the latest new entry, and what replies have told. */
  readonly event: Map<string, number>;
  readonly reply: Map<string, number>;
  readonly stored: Map<string, number>;
  readonly own: Map<string, Set<number>>;
  ready: boolean;
  synced: boolean;
  nextId: number;
}

/** A client that keeps to the contract, and holds the server to it. */
export class Device {
  readonly identity: Identity;
  readonly #world: World;
  readonly #oracle: Oracle;
  readonly #instances: () => readonly Instance[];
  readonly #held = new Map<string, Set<number>>();
  readonly #heads = new Map<string, number>();
  /** Sends without a final answer, in order. */
  readonly pending = new Set<Sent>();
  #link: Link | undefined;
  #connecting = false;
  /** When the connection before this one ended. */
  #endedAt = 0;
  #retrying = false;
  /** Wants no connection for now. */
  resting = false;
  /** Acknowledges late. */
  lazy = false;
  readonly #acks = new Set<string>();

  constructor(world: World, oracle: Oracle, identity: Identity, instances: () => readonly Instance[]) {
    this.#world = world;
    this.#oracle = oracle;
    this.identity = identity;
    this.#instances = instances;
  }

  get ready(): boolean {
    return this.#link?.ready === true;
  }

  get synced(): boolean {
    return this.#link?.synced === true;
  }

  /** Everything up to here is held. */
  head(conversationId: string): number {
    return this.#heads.get(conversationId) ?? 0;
  }

  get name(): string {
    return this.identity.deviceId.slice(0, 8);
  }

  connect(): void {
    if (this.#link !== undefined || this.#connecting || this.resting) return;
    this.#connecting = true;
    this.#world.time.after(this.#world.random.delay(50, 2_000), () => {
      this.#connecting = false;
      const alive = this.#instances().filter((instance) => instance.alive);
      if (this.resting || alive.length === 0) return this.connect();
      this.#open(this.#world.random.pick(alive));
    });
  }

  #open(instance: Instance): void {
    const wire: Wire = new Wire(this.#world, {
      frame: (text) => {
        if (this.#link === link) this.#receive(link, JSON.parse(text));
      },
      closed: (code, reason) => {
        if (this.#link === link) this.#closed(code, reason);
      },
    });
    const link: Link = {
      wire,
      asked: new Map(),
      heads: this.#oracle.heads(this.identity.userId),
      event: new Map(),
      reply: new Map(),
      stored: new Map(),
      own: new Map(),
      ready: false,
      synced: false,
      nextId: 1,
    };
    this.#link = link;
    instance.accept(wire);
    this.#ask(link, 'hello', { token: JSON.stringify(this.identity) });
  }

  cut(): void {
    this.#link?.wire.cut();
  }

  set reading(reading: boolean) {
    if (this.#link !== undefined) this.#link.wire.reading = reading;
  }

  open(userId: string): void {
    if (this.#link?.ready === true) this.#ask(this.#link, 'conversation.open', { userId });
  }

  send(sent: Sent): void {
    this.pending.add(sent);
    if (this.#link?.ready === true) this.#post(this.#link, sent);
  }

  /** The same bytes once more, while the first may still be on their way. */
  repeat(sent: Sent): void {
    if (this.#link?.ready === true) this.#post(this.#link, sent);
  }

  read(conversationId: string): void {
    const seq = this.head(conversationId);
    if (seq === 0 || this.#link?.ready !== true) return;
    this.#oracle.reads(this.identity.userId, conversationId, seq);
    this.#ask(this.#link, 'receipt.read', { conversationId, seq });
  }

  history(conversationId: string): void {
    if (this.#link?.ready !== true) return;
    this.#ask(this.#link, 'message.history', { conversationId, after: this.head(conversationId), limit: 5 });
  }

  typing(conversationId: string): void {
    if (this.#link?.ready === true)
      this.#link.wire.say(JSON.stringify({ type: 'typing.set', body: { conversationId, typing: true } }));
  }

  ack(conversationId: string, seq = this.head(conversationId)): void {
    if (seq > 0 && this.#link?.ready === true)
      this.#link.wire.say(JSON.stringify({ type: 'ack', body: { conversationId, seq } }));
  }

  ping(): void {
    if (this.#link?.ready === true) this.#ask(this.#link, 'ping', {});
  }

  #ask(link: Link, type: string, body: Record<string, unknown>, sent?: Sent): void {
    const id = link.nextId++;
    link.asked.set(id, { type, order: id, body, ...(sent && { sent }) });
    link.wire.say(JSON.stringify({ id, type, body }));
  }

  #post(link: Link, sent: Sent): void {
    // A client knows how much it may have in flight.
    if (link.asked.size >= MAX_IN_FLIGHT - 8) return this.#retryLater();
    const { conversationId, clientId, mls } = sent;
    this.#ask(link, 'message.send', { conversationId, clientId, epoch: 0, mls }, sent);
  }

  #closed(code: number, reason: string): void {
    this.#link = undefined;
    this.#acks.clear();
    const { now } = this.#world.time;
    this.#oracle.closed(this, code, reason, now - this.#endedAt);
    this.#endedAt = now;
    this.connect();
  }

  #receive(link: Link, frame: Frame): void {
    if (frame.id !== undefined) {
      const asked = link.asked.get(frame.id);
      link.asked.delete(frame.id);
      if (asked === undefined)
        return this.#world.broken(`${this.name}: an answer to nothing: ${JSON.stringify(frame)}`);
      if (asked.sent !== undefined) this.#inOrder(link, asked.sent.conversationId, asked.order);
      return frame.type === 'error'
        ? this.#refused(link, asked, frame.code ?? '')
        : this.#answered(link, asked, frame.body ?? {});
    }
    if (!link.ready) return this.#world.broken(`${this.name}: ${frame.type} before hello was answered`);
    const { conversationId = '', seq = 0 } = (frame.body ?? {}) as { conversationId?: string; seq?: number };
    switch (frame.type) {
      case 'message.new':
        return this.#event(link, conversationId, seq, frame.body ?? {});
      case 'sync.done':
        return this.#sync(link);
      case 'receipt.changed':
        return this.#oracle.receipt(this, frame.body ?? {});
    }
  }

  #inOrder(link: Link, conversationId: string, order: number): void {
    if (order < (link.reply.get(conversationId) ?? 0))
      this.#world.broken(`${this.name}: replies to sends out of order`);
    link.reply.set(conversationId, order);
  }

  #answered(link: Link, asked: Asked, body: Record<string, unknown>): void {
    if (asked.type === 'hello') {
      link.ready = true;
      for (const sent of this.pending) this.#post(link, sent);
    } else if (asked.sent !== undefined) {
      const { sent } = asked;
      const { conversationId } = sent;
      const { seq, sentAt, duplicate } = body as { seq: number; sentAt: string; duplicate: boolean };
      this.#oracle.acknowledged(this, sent, seq, sentAt);
      this.pending.delete(sent);
      if (!duplicate) {
        if (seq <= (link.stored.get(conversationId) ?? 0))
          this.#world.broken(`${this.name}: send order is not seq order`);
        link.stored.set(conversationId, seq);
      }
      const own = link.own.get(conversationId) ?? new Set();
      link.own.set(conversationId, own.add(seq));
      this.#hold(conversationId, seq);
    } else if (asked.type === 'message.history') {
      const { messages } = body as { messages: { conversationId: string; seq: number; clientId: string }[] };
      let after = Number(asked.body.after);
      for (const message of messages) {
        if (message.seq !== ++after) this.#world.broken(`${this.name}: history has ${message.seq} after ${after - 1}`);
        this.#oracle.delivered(this, message.conversationId, message.seq, message);
        this.#hold(message.conversationId, message.seq);
      }
    } else if (asked.type === 'receipt.read') {
      this.#oracle.readStored(this.identity.userId, String(asked.body.conversationId), Number(asked.body.seq));
    }
  }

  #refused(link: Link, asked: Asked, code: string): void {
    if (code !== 'unavailable' && code !== 'internal')
      this.#world.broken(`${this.name}: ${asked.type} refused with ${code}`);
    if (asked.type === 'hello') return;
    if (asked.sent === undefined) {
      if (asked.type !== 'message.history')
        this.#world.time.after(300, () => link === this.#link && this.#ask(link, asked.type, asked.body));
      return;
    }
    this.#retryLater();
  }

  #retryLater(): void {
    if (this.#retrying) return;
    this.#retrying = true;
    this.#world.time.after(300, () => {
      this.#retrying = false;
      const posted = new Set([...(this.#link?.asked.values() ?? [])].map(({ sent }) => sent));
      if (this.#link?.ready === true)
        for (const sent of this.pending) if (!posted.has(sent)) this.#post(this.#link, sent);
    });
  }

  #event(link: Link, conversationId: string, seq: number, body: Record<string, unknown>): void {
    const head = this.head(conversationId);
    if (seq <= (link.event.get(conversationId) ?? 0))
      this.#world.broken(`${this.name}: entry ${seq} came late or twice on one connection`);
    if (seq > head + 1) this.#world.broken(`${this.name}: entry ${seq} came after ${head}: a gap`);
    if (link.own.get(conversationId)?.has(seq) === true)
      this.#world.broken(`${this.name}: entry ${seq} came besides its reply`);
    link.event.set(conversationId, seq);
    this.#oracle.delivered(this, conversationId, seq, body);
    this.#hold(conversationId, seq);
  }

  #sync(link: Link): void {
    if (link.synced) this.#world.broken(`${this.name}: a second sync.done`);
    link.synced = true;
    for (const [conversationId, head] of link.heads) {
      if (this.head(conversationId) < head)
        this.#world.broken(`${this.name}: sync.done at ${this.head(conversationId)} of ${head}`);
    }
  }

  #hold(conversationId: string, seq: number): void {
    const held = this.#held.get(conversationId) ?? new Set();
    this.#held.set(conversationId, held.add(seq));
    let head = this.head(conversationId);
    while (held.has(head + 1)) head++;
    this.#heads.set(conversationId, head);
    if (this.#acks.has(conversationId)) return;
    this.#acks.add(conversationId);
    const { random, time } = this.#world;
    time.after(this.lazy ? random.int(0, 3_000) : random.int(0, 100), () => {
      this.#acks.delete(conversationId);
      this.ack(conversationId);
    });
  }
}
