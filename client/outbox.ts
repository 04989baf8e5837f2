import type { Reply, RequestInput } from '../protocol/index.ts';
import { type Clock, delay } from './clock.ts';
import { type Content, type MessageCodec, NotEncodable } from './codec.ts';
import { reasonOf, SottoError } from './errors.ts';
import type { FailureReason, MessageFact } from './message-state.ts';
import { backoffMs } from './reconnect.ts';
import { type Entry, keys, type OutgoingRecord, outgoing, readAll } from './records.ts';
import { type SteadyWrite, Stopped } from './steady.ts';
import type { ClientStore } from './store.ts';
import type { Turns } from './turns.ts';

export interface OutboxOptions {
  readonly store: ClientStore;
  readonly write: SteadyWrite;
  readonly codec: MessageCodec;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly turns: Turns;
  readonly signal: AbortSignal;
  send(body: RequestInput<'message.send'>): Promise<Reply<'message.send'>>;
  /** The log that sends go into now; undefined while there is no session, or this conversation isn't settled in it. */
  logFor(conversationId: string): string | undefined;
  onFact(record: OutgoingRecord, fact: MessageFact): void;
  onProblem(problem: unknown): void;
  /** The reply took the place of the entry's event. */
  onReply(record: OutgoingRecord, seq: number, sentAt: string): void;
}

interface Queue {
  readonly records: OutgoingRecord[];
  running: boolean;
  /** Something changed while it ran: what it saw may be out of date. */
  again: boolean;
}

/** Far from both ends, so that what a restored server lost can be put before what is still waiting. */
const FIRST_N = 1e12;
const INTERNAL_TRIES = 8;
const RECOVERIES = 5;
const ENCODE_TRIES = 3;

type Verdict = 'again' | 'recover' | 'refused';

const verdicts: Partial<Record<string, Verdict>> = {
  unavailable: 'again',
  rate_limited: 'again',
  internal: 'again',
  // The session itself ends next, and says why.
  unauthenticated: 'again',
  stale_epoch: 'recover',
  removal_required: 'recover',
};

/**
 * Messages on their way into the log. Each is in the store before it is sent, and leaves it in the batch that puts its
 * entry there. In one conversation one message is in flight at a time: with an unknown outcome nothing may overtake it.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #queues = new Map<string, Queue>();
  readonly #byClientId = new Map<string, OutgoingRecord>();
  /** What those wait for that cannot be encoded yet. */
  readonly #waits = new Map<string, FailureReason>();
  #lastN = FIRST_N;
  #firstN = FIRST_N;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (const record of await readAll(this.#options.store, outgoing, { prefix: keys.allOutgoing })) {
      this.#insert(record);
    }
  }

  /** Resolves when the message would survive a crash; sending goes on from there. */
  async add(conversationId: string, content: Content, more: { silent?: boolean; clientId?: string } = {}) {
    const { clock, newId, write } = this.#options;
    this.#lastN += 1;
    const record: OutgoingRecord = {
      n: this.#lastN,
      clientId: more.clientId ?? newId(),
      conversationId,
      content,
      silent: more.silent ?? false,
      createdAt: new Date(clock.now()).toISOString(),
    };
    const known = this.#byClientId.get(record.clientId);
    if (known !== undefined) return known;
    this.#insert(record);
    await write([{ key: keys.outgoing(record), value: record }]);
    this.#options.onFact(record, { is: 'retried' });
    this.pump(conversationId);
    return record;
  }

  find(clientId: string): OutgoingRecord | undefined {
    return this.#byClientId.get(clientId);
  }

  /** What is not in the log yet, and what was refused, in order. */
  list(conversationId: string): readonly OutgoingRecord[] {
    return this.#queues.get(conversationId)?.records ?? [];
  }

  /** What the application may know of those that are not in the log. */
  waiting(conversationId: string) {
    return this.list(conversationId)
      .filter(({ stored }) => stored === undefined)
      .map(({ clientId, content, createdAt, failed }) => {
        const waits = this.#waits.get(clientId);
        return { clientId, content, createdAt, failed, ...(waits && { waits }) };
      });
  }

  conversations(): string[] {
    return [...this.#queues.keys()];
  }

  /** Its entry is in the store now, in the place of this record. */
  settle(record: OutgoingRecord): void {
    const queue = this.#queues.get(record.conversationId);
    const at = queue?.records.indexOf(record) ?? -1;
    if (at >= 0) queue?.records.splice(at, 1);
    if (queue?.records.length === 0 && !queue.running) this.#queues.delete(record.conversationId);
    this.#byClientId.delete(record.clientId);
    this.#waits.delete(record.clientId);
  }

  /** Sends a refused message after all, encoded anew, and to whoever is there now. */
  async retry(clientId: string): Promise<void> {
    const record = this.#byClientId.get(clientId);
    if (record?.failed === undefined) throw new SottoError('not_found', 'no failed message has that client id');
    delete record.failed;
    delete record.wire;
    delete record.again;
    await this.#options.write([{ key: keys.outgoing(record), value: record }]);
    this.#options.onFact(record, { is: 'retried' });
    this.pump(record.conversationId);
  }

  /** Forgets a message that was refused, or that has never been sent. */
  async discard(clientId: string): Promise<void> {
    const { turns, write } = this.#options;
    const record = this.#byClientId.get(clientId);
    if (record === undefined) throw new SottoError('not_found', 'no message that waits or failed has that client id');
    // It may be on its way from where it has bytes: they are made, and kept, in the conversation's turn.
    await turns.run(record.conversationId, async () => {
      if (this.#byClientId.get(clientId) !== record) return;
      if (record.failed === undefined && (record.wire !== undefined || record.stored !== undefined))
        throw new SottoError('conflict', 'the message may have been sent already');
      await write([{ key: keys.outgoing(record) }]);
      this.settle(record);
    });
  }

  /** Records for messages that a restored server lost, before everything that waits. The caller writes, then admits them. */
  relive(lost: readonly Entry[]): OutgoingRecord[] {
    this.#firstN -= lost.length;
    return lost.flatMap(({ conversationId, clientId, content, silent, sentAt, hidden, audience }, at) => {
      if (content === undefined || hidden) return [];
      const record = {
        n: this.#firstN + at,
        clientId,
        conversationId,
        content,
        silent,
        createdAt: sentAt,
        again: true,
      };
      return [audience === undefined ? record : { ...record, audience }];
    });
  }

  /** Records whose mark is of a log that is gone, without it. Written before `admit`: a later run must not believe the mark. */
  unstored(conversationId: string, logId: string): OutgoingRecord[] {
    return this.list(conversationId).flatMap(({ stored, ...record }) =>
      stored === undefined || stored.logId === logId ? [] : [record],
    );
  }

  /** The log in which this conversation's messages had been stored is gone. */
  #unstore(conversationId: string, logId: string): void {
    for (const record of this.list(conversationId)) {
      if (record.stored?.logId === logId) continue;
      if (record.stored === undefined) continue;
      this.#options.onFact(record, { is: 'lost' });
      delete record.stored;
      record.again = true;
    }
  }

  admit(conversationId: string, logId: string, records: readonly OutgoingRecord[]): void {
    this.#unstore(conversationId, logId);
    for (const record of records) {
      this.#insert(record);
      this.#options.onFact(record, { is: 'lost' });
    }
  }

  /** Sends what can be sent. Called whenever something may have become possible. */
  pump(conversationId?: string): void {
    for (const id of conversationId === undefined ? this.conversations() : [conversationId]) {
      const queue = this.#queues.get(id);
      if (queue === undefined) continue;
      if (queue.running) {
        queue.again = true;
        continue;
      }
      queue.running = true;
      queue.again = false;
      this.#run(id, queue)
        .catch((error: unknown) => {
          if (!(error instanceof Stopped)) this.#options.onProblem(error);
        })
        .finally(() => {
          queue.running = false;
          if (queue.again && !this.#options.signal.aborted) this.pump(id);
        });
    }
  }

  async #run(conversationId: string, queue: Queue): Promise<void> {
    for (let tries = 0, internals = 0, recoveries = 0; ; ) {
      const logId = this.#options.logFor(conversationId);
      const record = queue.records.find((each) => each.stored === undefined && each.failed === undefined);
      if (logId === undefined || record === undefined || this.#options.signal.aborted) return;
      if (record.wire === undefined) {
        await this.#encode(record);
        // Much may have changed meanwhile.
        continue;
      }
      try {
        const { seq, sentAt } = await this.#options.send(request(record));
        await this.#stored(record, logId, seq, sentAt);
        tries = 0;
        internals = 0;
        recoveries = 0;
      } catch (thrown) {
        if (thrown instanceof Stopped) throw thrown;
        const error = thrown instanceof SottoError ? thrown : new SottoError('unavailable', reasonOf(thrown));
        let verdict = verdicts[error.code] ?? 'refused';
        // Its search tags are not wanted any more: it goes without them.
        if (error.code === 'conflict' && error.details?.field === 'search') verdict = 'recover';
        // In a row: however long a server was away, one fault after it is no reason to give up.
        internals = error.code === 'internal' ? internals + 1 : 0;
        if (internals > INTERNAL_TRIES) verdict = 'refused';
        if (verdict === 'recover') {
          recoveries += 1;
          if (recoveries <= RECOVERIES && (await this.#recover(record, error))) continue;
          verdict = 'refused';
        }
        if (verdict === 'again') {
          await this.#pause(conversationId, error.retryAfterMs ?? backoffMs(tries, this.#options.random()));
          tries += 1;
        } else {
          await this.#fail(record, { code: error.code, message: error.message });
          tries = 0;
          internals = 0;
          recoveries = 0;
        }
      }
    }
  }

  /** Nothing to wait for when the connection broke: then the next session starts the queue again. */
  async #pause(conversationId: string, ms: number): Promise<void> {
    const { clock, logFor, signal } = this.#options;
    if (logFor(conversationId) !== undefined) await delay(clock, ms, signal);
  }

  async #encode(record: OutgoingRecord): Promise<void> {
    const { clock, codec, turns, write, signal } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        await turns.run(record.conversationId, async () => {
          // Its entry came in meanwhile: nothing may bring this record back.
          if (this.#byClientId.get(record.clientId) !== record) return;
          const { body, changes = [], audience } = await codec.encode(record);
          const encoded = { wire: { ...body }, ...(audience === undefined ? {} : { audience }) };
          await write([{ key: keys.outgoing(record), value: { ...record, ...encoded } }, ...changes]);
          Object.assign(record, encoded);
          this.#waits.delete(record.clientId);
        });
        return;
      } catch (error) {
        if (error instanceof Stopped) throw error;
        if (error instanceof SottoError && error.retry === 'same') {
          this.#wait(record, error);
          return this.#pause(record.conversationId, error.retryAfterMs ?? backoffMs(tries, this.#options.random()));
        }
        if (tries >= ENCODE_TRIES || error instanceof NotEncodable) {
          const code = error instanceof NotEncodable ? error.code : 'not_encoded';
          await this.#fail(record, { code, message: reasonOf(error) });
          return;
        }
        await delay(clock, backoffMs(tries, 1), signal);
      }
    }
  }

  /** A moment is not worth a word. */
  #wait(record: OutgoingRecord, { details, message }: SottoError): void {
    const code = details?.waitsFor;
    if (typeof code !== 'string' || this.#byClientId.get(record.clientId) !== record) return;
    const reason = { code, message };
    this.#waits.set(record.clientId, reason);
    this.#options.onFact(record, { is: 'waits', reason });
  }

  async #recover(record: OutgoingRecord, error: SottoError): Promise<boolean> {
    const { codec, write } = this.#options;
    try {
      if ((await codec.recover?.(record.conversationId, error)) !== true) return false;
    } catch {
      // Told to the application by the refusal that follows.
      return false;
    }
    delete record.wire;
    if (this.#byClientId.get(record.clientId) !== record) return true;
    await write([{ key: keys.outgoing(record), value: record }]);
    return true;
  }

  async #stored(record: OutgoingRecord, logId: string, seq: number, sentAt: string): Promise<void> {
    // Its event may have come first, after a break; then the record is settled already.
    if (this.#byClientId.get(record.clientId) !== record) return;
    record.stored = { logId, seq, sentAt };
    await this.#options.write([{ key: keys.outgoing(record), value: record }]);
    // The log was replaced while that was written: the seq means nothing in the new one.
    if (record.stored?.logId !== logId) return;
    this.#options.onFact(record, { is: 'stored', seq, sentAt });
    this.#options.onReply(record, seq, sentAt);
  }

  async #fail(record: OutgoingRecord, reason: FailureReason): Promise<void> {
    if (this.#byClientId.get(record.clientId) !== record) return;
    record.failed = { code: reason.code, message: reason.message };
    await this.#options.write([{ key: keys.outgoing(record), value: record }]);
    this.#options.onFact(record, { is: 'refused', reason });
  }

  #insert(record: OutgoingRecord): void {
    const queue = this.#queues.get(record.conversationId) ?? { records: [], running: false, again: false };
    this.#queues.set(record.conversationId, queue);
    queue.records.push(record);
    queue.records.sort((a, b) => a.n - b.n);
    this.#byClientId.set(record.clientId, record);
    this.#lastN = Math.max(this.#lastN, record.n);
    this.#firstN = Math.min(this.#firstN, record.n);
  }
}

function request({ conversationId, clientId, wire, silent }: OutgoingRecord): RequestInput<'message.send'> {
  if (wire === undefined) throw new Error('a message is encoded before it is sent');
  return silent ? { conversationId, clientId, ...wire, silent } : { conversationId, clientId, ...wire };
}
