import type { Redis } from 'ioredis';

export interface SubscriberOptions {
  /** A connection of its own, without automatic resubscribing. */
  readonly redis: Redis;
  readonly sharded: boolean;
  /** Sends a heartbeat to this channel; rejects when it certainly or possibly wasn't published. */
  readonly beat: (channel: string) => Promise<void>;
  /** The channel for heartbeats; asked anew at every (re)connection. */
  readonly beatChannel: () => string;
  readonly beatEveryMs: number;
  readonly events: SubscriberEvents;
}

export interface SubscriberEvents {
  message(channel: string, payload: string): void;
  /** Every wanted channel is confirmed and a heartbeat has come through: nothing is missed from now on. */
  healthy(): void;
  /** Messages may be getting lost. Comes once, until `healthy`. */
  unhealthy(reason: string): void;
  /** The server doesn't own these channels any more (Cluster). */
  moved(): void;
  /** A heartbeat took this long from publishing to receiving. */
  lag(milliseconds: number): void;
}

/** In one command to a single server; on a Cluster each channel has a slot, and so a command, of its own. */
const CHANNELS_PER_COMMAND = 500;
/** Sent before their confirmations are waited for; few enough that they come long before the commands time out. */
const CHANNELS_IN_FLIGHT = 2000;

/** A wanted channel: settled once the server confirmed it, or once messages may be getting lost anyway. */
interface Wanted {
  readonly confirmed: Promise<void>;
  readonly confirm: () => void;
}

/**
 * One connection that listens. It subscribes again by itself after a reconnect, and a heartbeat through the server
 * finds a connection that died without a word.
 */
export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #wanted = new Map<string, Wanted>();
  readonly #changed = new Set<string>();
  #flushing: NodeJS.Immediate | undefined;
  readonly #timer: NodeJS.Timeout;
  #healthy = false;
  /** True between `ready` and the loss of the connection. */
  #connected = false;
  /** True once all wanted channels were subscribed on this connection, so that a heartbeat means health. */
  #restored = false;
  #beatChannel = '';
  #beat: 'none' | 'sent' | 'published' = 'none';
  #beatAt = 0;
  /** Counts connections: what an earlier one answers late means nothing. */
  #generation = 0;
  #closed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { redis, sharded, events } = options;
    redis.on(sharded ? 'smessage' : 'message', (channel: string, payload: string) => {
      if (channel === this.#beatChannel) this.#heard();
      else events.message(channel, payload);
    });
    redis.on('ready', () => void this.#restore());
    redis.on('close', () => {
      this.#connected = false;
      this.#lost('the connection closed');
    });
    redis.on('moved', () => events.moved());
    this.#timer = setInterval(() => this.#tick(), options.beatEveryMs);
    if (redis.status === 'ready') void this.#restore();
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  get beatChannel(): string {
    return this.#beatChannel;
  }

  /** Settles when the server has confirmed, or when messages may be getting lost; then `healthy` comes after it did. */
  add(channel: string): Promise<void> {
    const found = this.#wanted.get(channel);
    if (found !== undefined) return found.confirmed;
    let confirm = (): void => {};
    const confirmed = new Promise<void>((resolve) => {
      confirm = resolve;
    });
    this.#wanted.set(channel, { confirmed, confirm });
    // Without a connection nothing can be confirmed; it will be subscribed before this is healthy again.
    if (!this.#connected) confirm();
    this.#change(channel);
    return confirmed;
  }

  remove(channel: string): void {
    const wanted = this.#wanted.get(channel);
    if (wanted === undefined) return;
    this.#wanted.delete(channel);
    wanted.confirm();
    this.#change(channel);
  }

  /** Something else went wrong on the way to the server: not healthy until the next heartbeat comes through. */
  suspect(reason: string): void {
    this.#lost(reason);
  }

  /** Gives the connection up and makes a new one. */
  reconnect(reason: string): void {
    this.#lost(reason);
    this.#connected = false;
    if (!this.#closed) this.#options.redis.disconnect(true);
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
    if (this.#flushing !== undefined) clearImmediate(this.#flushing);
    for (const wanted of this.#wanted.values()) wanted.confirm();
    this.#options.redis.disconnect();
  }

  #change(channel: string): void {
    this.#changed.add(channel);
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      void this.#flush();
    });
  }

  /** One command for all that was asked for since the last turn of the event loop. */
  async #flush(): Promise<void> {
    const changed = [...this.#changed];
    this.#changed.clear();
    if (!this.#connected) return;
    const added = changed.filter((channel) => this.#wanted.has(channel));
    const removed = changed.filter((channel) => !this.#wanted.has(channel));
    // Commands of one connection are carried out in order, so the confirmations need no waiting for each other.
    await Promise.all([this.#unsubscribe(removed), this.#subscribe(added)]);
  }

  async #restore(): Promise<void> {
    this.#generation += 1;
    this.#connected = true;
    this.#restored = false;
    this.#beat = 'none';
    this.#beatChannel = this.#options.beatChannel();
    // What is added from here on is sent by `#flush`, on this same connection.
    if (!(await this.#subscribe([this.#beatChannel, ...this.#wanted.keys()]))) return;
    this.#restored = true;
    await this.#sendBeat();
  }

  /** False if the connection was lost or given up meanwhile. */
  async #subscribe(channels: readonly string[]): Promise<boolean> {
    if (channels.length === 0) return true;
    const { redis, sharded, events } = this.#options;
    const generation = this.#generation;
    const command = async (part: readonly string[]): Promise<void> => {
      const wanted = part.map((channel) => this.#wanted.get(channel));
      await (sharded ? redis.ssubscribe(...part) : redis.subscribe(...part));
      for (const one of wanted) one?.confirm();
    };
    const size = sharded ? 1 : CHANNELS_PER_COMMAND;
    let moved = false;
    for (const group of slices(channels, CHANNELS_IN_FLIGHT)) {
      const results = await Promise.allSettled(slices(group, size).map(command));
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : []));
      if (generation !== this.#generation || this.#closed) return false;
      const failure = failures.find((text) => !text.includes('MOVED'));
      if (failure !== undefined) {
        if (this.#connected) this.reconnect(`subscribing failed: ${failure}`);
        return false;
      }
      moved ||= failures.length > 0;
    }
    if (moved) {
      this.#lost('a slot moved');
      events.moved();
    }
    return true;
  }

  async #unsubscribe(channels: readonly string[]): Promise<void> {
    const { redis, sharded } = this.#options;
    const work = sharded
      ? channels.map((channel) => redis.sunsubscribe(channel))
      : channels.length === 0
        ? []
        : [redis.unsubscribe(...channels)];
    // A channel that stays subscribed brings messages that no one wants; a lost connection has none.
    await Promise.allSettled(work);
  }

  #tick(): void {
    if (!this.#connected || !this.#restored) return;
    if (this.#beat !== 'published') {
      if (this.#beat === 'sent') this.#lost('a heartbeat could not be published');
      void this.#sendBeat();
      return;
    }
    // After a long pause of this process the timer runs before what waits on the socket has been read: read it first.
    const generation = this.#generation;
    setImmediate(() => {
      if (this.#beat === 'published' && generation === this.#generation)
        this.reconnect('a heartbeat did not come through');
      else if (this.#connected && this.#restored) void this.#sendBeat();
    });
  }

  async #sendBeat(): Promise<void> {
    this.#beat = 'sent';
    this.#beatAt = performance.now();
    try {
      await this.#options.beat(this.#beatChannel);
      if (this.#beat === 'sent') this.#beat = 'published';
    } catch (error) {
      this.#lost(`a heartbeat could not be published: ${String(error)}`);
    }
  }

  #heard(): void {
    this.#beat = 'none';
    this.#options.events.lag(performance.now() - this.#beatAt);
    if (this.#healthy || !this.#connected || !this.#restored) return;
    this.#healthy = true;
    this.#options.events.healthy();
  }

  #lost(reason: string): void {
    for (const wanted of this.#wanted.values()) wanted.confirm();
    if (!this.#healthy) return;
    this.#healthy = false;
    this.#options.events.unhealthy(reason);
  }
}

function slices<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}
