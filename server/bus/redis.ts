import { randomUUID } from 'node:crypto';
import { type Bus, type BusListener, type BusMessage, withoutHeavyContent } from './bus.ts';
import type { RedisAddress } from './connection.ts';
import type { Link, LinkEvents } from './link.ts';
import { linkToCluster } from './link-cluster.ts';
import { linkToServer } from './link-server.ts';
import { decodePayload, encodeMessage, encodePayload, isFrom } from './payload.ts';
import { PublishQueue } from './publish-queue.ts';
import { Unpublished } from './unpublished.ts';

/** What the bus tells whoever measures and logs. */
export interface BusObserver {
  /** From publishing to receiving: of every heartbeat, and of every payload that came from another instance. */
  lag(milliseconds: number): void;
  published(messages: number): void;
  received(messages: number): void;
  /** From publishing on another instance until what it told was written to the sockets here. */
  delivered(milliseconds: number): void;
  /** Not one of ours, or damaged; dropped. */
  invalid(): void;
  /** Kept, to be announced when the bus returns. */
  unpublished(): void;
  healthy(): void;
  unhealthy(reason: string): void;
  fault(error: Error): void;
}

export interface RedisBusOptions {
  readonly address: RedisAddress;
  /** Before every channel name, so that several installations (or tests) share a server. */
  readonly prefix?: string;
  readonly heartbeatMs?: number;
  /** What waits to be published, in characters; beyond it messages are kept as wake-ups. */
  readonly maxQueueLength?: number;
  readonly observer?: Partial<BusObserver>;
}

/** The bus on Redis pub/sub: a channel per user, plain on one server, sharded on a Cluster. */
export function createRedisBus(options: RedisBusOptions): Bus {
  return new RedisBus(options);
}

const SILENT: BusObserver = {
  lag() {},
  published() {},
  received() {},
  delivered() {},
  invalid() {},
  unpublished() {},
  healthy() {},
  unhealthy() {},
  fault() {},
};

class RedisBus implements Bus {
  readonly #instance = randomUUID();
  readonly #observer: BusObserver;
  readonly #link: Link;
  readonly #queue: PublishQueue;
  readonly #unpublished = new Unpublished();
  readonly #counts = new Map<string, number>();
  readonly #userPrefix: string;
  readonly #everyone: string;
  #listener: BusListener | undefined;
  /** What was published since then may not have left. */
  #brokenAt: number | undefined = wallClock();

  constructor(options: RedisBusOptions) {
    const { address, prefix = 'sotto:', heartbeatMs = 1000, maxQueueLength = 16 * 1024 * 1024 } = options;
    this.#observer = { ...SILENT, ...options.observer };
    this.#userPrefix = `${prefix}user:`;
    this.#everyone = `${prefix}everyone`;
    const linkOptions = {
      beatPrefix: `${prefix}beat:${this.#instance}:`,
      beatEveryMs: heartbeatMs,
      events: this.#linkEvents(),
    };
    this.#link =
      address.kind === 'server' ? linkToServer(address.url, linkOptions) : linkToCluster(address.urls, linkOptions);
    this.#queue = new PublishQueue({
      maxLength: maxQueueLength,
      send: (batches) =>
        this.#link.publish(
          batches.map(({ channel, encoded }) => ({ channel, payload: this.#payload('messages', encoded) })),
        ),
      sent: (messages) => this.#observer.published(messages),
      failed: (channel, message) => this.#keep(channel.slice(this.#userPrefix.length), message),
    });
    void this.#link.add(this.#everyone);
  }

  get doubtful(): boolean {
    return !this.#link.healthy;
  }

  get publishing(): number {
    return this.#queue.length;
  }

  subscribe(userId: string): Promise<void> {
    this.#counts.set(userId, (this.#counts.get(userId) ?? 0) + 1);
    return this.#link.add(this.#userPrefix + userId);
  }

  unsubscribe(userId: string): void {
    const count = this.#counts.get(userId);
    if (count === undefined) return;
    if (count > 1) {
      this.#counts.set(userId, count - 1);
      return;
    }
    this.#counts.delete(userId);
    this.#link.remove(this.#userPrefix + userId);
  }

  publish(userIds: readonly string[], message: BusMessage): void {
    const travelling = withoutHeavyContent(message, userIds.length);
    const encoded = encodeMessage(travelling);
    for (const userId of userIds) this.#queue.add(this.#userPrefix + userId, travelling, encoded);
  }

  listen(listener: BusListener): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    await this.#queue.drain();
    this.#link.close();
  }

  #payload(kind: 'messages' | 'doubt', encoded: readonly string[], at = wallClock()): string {
    return encodePayload(this.#instance, kind, at, encoded);
  }

  #keep(userId: string, message: BusMessage): void {
    this.#unpublished.keep(userId, message);
    this.#observer.unpublished();
    // What is kept is announced when the link becomes healthy, so it must not count as healthy now.
    this.#link.suspect('a message could not be published');
  }

  #linkEvents(): LinkEvents {
    return {
      message: (channel, text) => this.#receive(channel, text),
      healthy: () => {
        this.#announce();
        this.#brokenAt = undefined;
        this.#observer.healthy();
        this.#doubt();
      },
      unhealthy: (reason) => {
        this.#brokenAt ??= wallClock();
        this.#observer.unhealthy(reason);
        this.#doubt();
      },
      lag: (milliseconds) => this.#observer.lag(milliseconds),
      fault: (error) => this.#observer.fault(error),
    };
  }

  #receive(channel: string, text: string): void {
    if (isFrom(this.#instance, text)) return;
    const payload = decodePayload(text);
    if (payload === undefined) {
      this.#observer.invalid();
      return;
    }
    if (payload.kind === 'doubt') {
      this.#doubt(payload.at);
      return;
    }
    this.#observer.lag(Math.max(0, wallClock() - payload.at));
    this.#observer.received(payload.messages.length);
    const userId = channel.slice(this.#userPrefix.length);
    for (const message of payload.messages) this.#tell((listener) => listener.message(userId, message));
    // Sockets are flushed by a microtask that the messages above have queued.
    queueMicrotask(() => this.#observer.delivered(Math.max(0, wallClock() - payload.at)));
  }

  /** Others hear now what they could not hear before. */
  #announce(): void {
    const { messages, overflowed } = this.#unpublished.take();
    for (const { users, message } of messages) this.publish(users, message);
    if (!overflowed) return;
    const payload = this.#payload('doubt', [], this.#brokenAt);
    void this.#link.publish([{ channel: this.#everyone, payload }]);
  }

  #doubt(since?: number): void {
    this.#tell((listener) => listener.doubt(since));
  }

  /** A fault in a listener must not end the connection that it was called from. */
  #tell(work: (listener: BusListener) => void): void {
    if (this.#listener === undefined) return;
    try {
      work(this.#listener);
    } catch (error) {
      this.#observer.fault(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** Milliseconds since 1970, finer than a millisecond. */
function wallClock(): number {
  return performance.timeOrigin + performance.now();
}
