import type { BusMessage } from './bus.ts';

export interface Batch {
  readonly channel: string;
  readonly encoded: string[];
  readonly messages: BusMessage[];
  length: number;
}

export interface PublishQueueOptions {
  /** In characters of encoded messages. */
  readonly maxLength: number;
  /** Publishes one payload per batch; never rejects; false for each batch that may not have arrived. */
  readonly send: (batches: readonly Batch[]) => Promise<readonly boolean[]>;
  readonly sent: (messages: number) => void;
  readonly failed: (channel: string, message: BusMessage) => void;
}

/** Redis and the receiver handle one payload at a time; one that is too long would make others wait. */
const MAX_PAYLOAD_LENGTH = 64 * 1024;
/** Small enough that all of it is answered long before a command times out. */
const MAX_BATCHES = 500;
const MAX_IN_FLIGHT = 4;

/**
 * Collects what is published in one turn of the event loop: the messages of one channel travel in one payload, all
 * payloads at once. While Redis is slow the next lot grows, up to a bound.
 */
export class PublishQueue {
  readonly #options: PublishQueueOptions;
  readonly #batches: Batch[] = [];
  readonly #open = new Map<string, Batch>();
  #length = 0;
  #inFlight = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #drained: (() => void)[] = [];

  constructor(options: PublishQueueOptions) {
    this.#options = options;
  }

  add(channel: string, message: BusMessage, encoded: string): void {
    if (this.#length + encoded.length > this.#options.maxLength) {
      this.#options.failed(channel, message);
      return;
    }
    this.#length += encoded.length;
    let batch = this.#open.get(channel);
    if (batch === undefined || batch.length + encoded.length > MAX_PAYLOAD_LENGTH) {
      batch = { channel, encoded: [], messages: [], length: 0 };
      this.#open.set(channel, batch);
      this.#batches.push(batch);
    }
    batch.encoded.push(encoded);
    batch.messages.push(message);
    batch.length += encoded.length;
    this.#schedule();
  }

  /** Characters that wait to be published or are on their way. */
  get length(): number {
    return this.#length;
  }

  /** Settles when all that was added has been published or has failed. */
  async drain(): Promise<void> {
    if (this.#batches.length === 0 && this.#inFlight === 0) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #schedule(): void {
    if (this.#inFlight >= MAX_IN_FLIGHT || this.#batches.length === 0) return;
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      void this.#flush();
    });
  }

  async #flush(): Promise<void> {
    const batches = this.#batches.splice(0, MAX_BATCHES);
    if (batches.length === 0) return;
    for (const batch of batches) if (this.#open.get(batch.channel) === batch) this.#open.delete(batch.channel);
    this.#inFlight += 1;
    this.#schedule();
    const arrived = await this.#options.send(batches);
    this.#inFlight -= 1;
    let sent = 0;
    batches.forEach((batch, i) => {
      this.#length -= batch.length;
      if (arrived[i] === true) sent += batch.messages.length;
      else for (const message of batch.messages) this.#options.failed(batch.channel, message);
    });
    if (sent > 0) this.#options.sent(sent);
    this.#schedule();
    if (this.#batches.length === 0 && this.#inFlight === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }
}
