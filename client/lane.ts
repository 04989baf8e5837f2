import { type Cancel, type Clock, delay } from './clock.ts';
import type { WireEntry } from './codec.ts';
import { reasonOf, SottoError } from './errors.ts';
import { HandlerTooSlow } from './handler.ts';
import type { InboxOptions } from './inbox.ts';
import { isForHandler, read } from './reading.ts';
import { backoffMs } from './reconnect.ts';
import {
  type Entry,
  entry as entrySchema,
  keys,
  type Position,
  putEntry,
  putHandled,
  putReceived,
  readAll,
  readOne,
} from './records.ts';
import { Stopped } from './steady.ts';

/** An entry on its way in: as an event or from the history, or as the reply to a send of this device. */
export type Arrival =
  | { readonly is: 'entry'; readonly seq: number; readonly entry: WireEntry }
  | { readonly is: 'reply'; readonly seq: number; readonly sentAt: string; readonly clientId: string };

const ACK_EVERY = 32;
const ACK_AFTER_MS = 25;
const GAP_AFTER_MS = 250;
const HISTORY_PAGE = 200;
/** More than the server ever pushes unacknowledged; what is beyond is read again when its turn comes. */
const MAX_ARRIVALS = 2_048;
const ANCHOR_PAGE = 20;
const ANCHOR_MARGIN_MS = 10_000;

/**
 * One conversation's entries, in order: waits for what is missing, reads, stores, hands over, acknowledges.
 * Nothing is taken in before `settle` said where this device stands in the present log.
 */
export class Lane {
  readonly conversationId: string;
  readonly #options: InboxOptions;
  readonly #clock: Clock;
  readonly #arrivals = new Map<number, Arrival>();
  #position: Position | undefined;
  #highest = 0;
  #settled = false;
  #busy = false;
  #filling = false;
  #saving = false;
  #anchored = false;
  /** Counts the logs this lane has been in: what began in an earlier one does not count. */
  #generation = 0;
  #fillTries = 0;
  #acked = 0;
  #cancelAck: Cancel | undefined;
  #cancelGap: Cancel | undefined;

  constructor(conversationId: string, options: InboxOptions) {
    this.conversationId = conversationId;
    this.#options = options;
    this.#clock = options.clock;
  }

  get position(): Position | undefined {
    return this.#position;
  }

  /** True while something is being read or handed over. */
  get busy(): boolean {
    return this.#busy || this.#saving;
  }

  /** Positions are known and belong to the present log; undefined for a conversation that is new here. */
  settle(position: Position | undefined): void {
    this.#position = position;
    this.#settled = true;
    this.#acked = 0;
    for (const [seq] of this.#arrivals) if (seq <= (position?.received ?? 0)) this.#arrivals.delete(seq);
    this.proceed();
  }

  /** The log is another one now: nothing that was under way counts. */
  unsettle(): void {
    this.#settled = false;
    this.#generation += 1;
    this.#cancelAck?.();
    this.#cancelAck = undefined;
    this.#highest = 0;
    this.#arrivals.clear();
  }

  get settled(): boolean {
    return this.#settled;
  }

  arrive(arrival: Arrival): void {
    if (this.#position !== undefined && this.#settled && arrival.seq <= this.#position.received) {
      this.#known(arrival);
      return;
    }
    this.#highest = Math.max(this.#highest, arrival.seq);
    if (this.#arrivals.size < MAX_ARRIVALS || arrival.seq === (this.#position?.received ?? 0) + 1) {
      this.#arrivals.set(arrival.seq, arrival);
    }
    this.proceed();
  }

  /** Goes on where that is possible. */
  proceed(): void {
    // A closed client takes nothing in; going on would try the same entry for ever.
    if (!this.#settled || this.#busy || this.#options.signal.aborted) return;
    this.#busy = true;
    this.#run()
      .catch((error: unknown) => {
        if (error instanceof Stopped) return;
        this.#options.onProblem(error);
        // The log could not be asked just now.
        this.#fillTries += 1;
        this.#watchGap();
      })
      .finally(() => {
        this.#busy = false;
        if (this.#settled && (this.#next() !== undefined || (this.#fillTries === 0 && this.#canAnchor())))
          this.proceed();
      });
  }

  /** A new session. `acknowledge` follows. */
  reconnected(): void {
    this.#fillTries = 0;
    // Where the conversation begins is told by the first event of this session's backlog, not by one of the last session.
    if (this.#position === undefined) {
      for (const [seq, arrival] of this.#arrivals) if (arrival.is === 'entry') this.#arrivals.delete(seq);
    }
    this.proceed();
  }

  /** Once more: what was acknowledged over the last session may not have arrived. False when there was nothing to say. */
  acknowledge(): boolean {
    this.#acked = 0;
    return this.#ack();
  }

  async #run(): Promise<void> {
    if (this.#position === undefined && !(await this.#anchor())) return;
    await this.#handOverStored();
    for (let next = this.#next(); next !== undefined; next = this.#next()) await this.#take(next);
    this.#ackSoon();
    this.#watchGap();
  }

  #next(): Arrival | undefined {
    return this.#position === undefined ? undefined : this.#arrivals.get(this.#position.received + 1);
  }

  /** Entries that an earlier run stored but whose handler it did not see finishing. */
  async #handOverStored(): Promise<void> {
    const position = this.#position;
    if (position === undefined || position.handled >= position.received) return;
    const { conversationId } = this;
    const range = {
      prefix: keys.entries(conversationId),
      above: keys.entry(conversationId, position.handled),
      below: keys.entry(conversationId, position.received + 1),
    };
    for (const stored of await readAll(this.#options.store, entrySchema, range)) await this.#handOver(stored);
    this.#handled(position.received);
  }

  async #take(arrival: Arrival): Promise<void> {
    const position = this.#position;
    if (position === undefined) return;
    const next = { ...position, received: arrival.seq };
    const generation = this.#generation;
    const marks = [putReceived(this.conversationId, next.logId, next.received)];
    // Without it an entry whose handler never finished would look like a handled one.
    if (this.#anchored) marks.push(putHandled(this.conversationId, next.logId, next.handled));
    const result = await read(
      this.#options,
      this.conversationId,
      arrival,
      marks,
      () => generation === this.#generation,
    );
    if (generation !== this.#generation) return;
    this.#anchored = false;
    this.#position = next;
    this.#arrivals.delete(arrival.seq);
    if (result.show) await this.#handOver(result.entry);
    if (generation === this.#generation) this.#handled(arrival.seq);
  }

  /** Gives an entry to the application; after a bounded number of failures it counts as handled all the same. */
  async #handOver(entry: Entry): Promise<void> {
    if (!isForHandler(entry)) return;
    const { handle, handlerTries, signal, onFailedEntry, store, turns, write } = this.#options;
    for (let tries = 1; ; tries += 1) {
      try {
        return await handle(entry);
      } catch (error) {
        if (signal.aborted) throw new Stopped();
        if (tries < handlerTries && !(error instanceof HandlerTooSlow)) {
          await delay(this.#clock, backoffMs(tries, 1), signal);
          if (signal.aborted) throw new Stopped();
          continue;
        }
        const failure = { code: 'handler_failed', message: reasonOf(error) };
        const failed = await turns.run(entry.conversationId, async () => {
          // It may have been changed while the handler was at work.
          const now = await readOne(store, entrySchema, keys.entry(entry.conversationId, entry.seq));
          const after = { ...(now?.clientId === entry.clientId ? now : entry), failure };
          await write([putEntry(after)]);
          return after;
        });
        onFailedEntry(failed);
        return;
      }
    }
  }

  #handled(seq: number): void {
    if (this.#position === undefined) return;
    if (this.#options.signal.aborted) throw new Stopped();
    this.#position = { ...this.#position, handled: seq };
    if (!this.#saving) void this.#saveHandled();
    if (seq - this.#acked >= ACK_EVERY) this.#ack();
  }

  /** One write at a time, always of the latest; the next entry need not wait for it. */
  async #saveHandled(): Promise<void> {
    this.#saving = true;
    try {
      for (let saved = -1; this.#settled && this.#position !== undefined && saved !== this.#position.handled; ) {
        saved = this.#position.handled;
        await this.#options.write([putHandled(this.conversationId, this.#position.logId, saved)]);
      }
    } catch (error) {
      // Closed meanwhile: the entry is handed over once more in the next run.
      if (!(error instanceof Stopped)) this.#options.onProblem(error);
    } finally {
      this.#saving = false;
    }
  }

  /** Something came that this device holds already: the server does not know that, or a reply came late. */
  #known(arrival: Arrival): void {
    const record = this.#options.outgoing(clientIdOf(arrival) ?? '');
    if (record !== undefined && record.conversationId === this.conversationId) {
      const generation = this.#generation;
      const still = () => generation === this.#generation;
      read(this.#options, this.conversationId, arrival, [], still).catch(this.#options.onProblem);
    }
    if (arrival.is === 'reply' || this.#busy || this.#cancelAck !== undefined) return;
    this.#acked = 0;
    this.#ackSoon();
  }

  /** A moment later, so that entries that come one by one are acknowledged together. */
  #ackSoon(): void {
    if (this.#cancelAck !== undefined || (this.#position?.handled ?? 0) <= this.#acked) return;
    this.#cancelAck = this.#clock.after(ACK_AFTER_MS, () => {
      this.#cancelAck = undefined;
      this.#ack();
    });
  }

  #ack(): boolean {
    const handled = this.#position?.handled ?? 0;
    if (!this.#settled || handled <= this.#acked || !this.#options.ack(this.conversationId, handled)) return false;
    this.#acked = handled;
    return true;
  }

  #watchGap(): void {
    this.#cancelGap?.();
    this.#cancelGap = undefined;
    if (this.#filling || this.#highest <= (this.#position?.received ?? 0)) return;
    // Mostly it is a reply that is overtaken by an event; then the gap closes by itself.
    const wait =
      this.#fillTries === 0 ? GAP_AFTER_MS : GAP_AFTER_MS + backoffMs(this.#fillTries, this.#options.random());
    this.#cancelGap = this.#clock.after(wait, () => {
      this.#cancelGap = undefined;
      if (!this.#options.connected()) return;
      if (this.#position === undefined) this.proceed();
      else void this.#fill();
    });
  }

  async #fill(): Promise<void> {
    const after = this.#position?.received ?? 0;
    this.#filling = true;
    try {
      const page = await this.#options.history({ conversationId: this.conversationId, after, limit: HISTORY_PAGE });
      if (!this.#settled) return;
      this.#fillTries = 0;
      for (const entry of page.messages) this.#admit(entry);
      // The log ends below what was announced; only a restored database can do that, and hello will say so.
      if (page.messages.length === 0) this.#highest = after;
    } catch (error) {
      if (error instanceof SottoError && error.retry !== 'same') this.#giveUp();
      else this.#fillTries += 1;
    } finally {
      this.#filling = false;
      this.proceed();
    }
  }

  #admit(entry: WireEntry): void {
    if (entry.seq > (this.#position?.received ?? 0))
      this.#arrivals.set(entry.seq, { is: 'entry', seq: entry.seq, entry });
    this.#highest = Math.max(this.#highest, entry.seq);
  }

  /** Not a member any more: what is missing will never come. */
  #giveUp(): void {
    this.#arrivals.clear();
    this.#highest = this.#position?.received ?? 0;
  }

  /**
   * Finds where a conversation begins for this device when the store does not know. During the backlog the first event
   * says it. Later a reply may overtake an event, so the log itself is asked what was written since hello.
   */
  async #anchor(): Promise<boolean> {
    const { greeting, history } = this.#options;
    const present = greeting();
    if (present === undefined || !this.#canAnchor()) return false;
    const lowest = Math.min(...this.#arrivals.keys());
    let base = lowest - 1;
    const since = present.serverTime - ANCHOR_MARGIN_MS;
    // However much that is: what is below the base will never be handed over.
    for (let limit = ANCHOR_PAGE; present.synced && base > 0; limit = HISTORY_PAGE) {
      const { messages } = await history({ conversationId: this.conversationId, before: base + 1, limit });
      const older = messages.findLastIndex(({ sentAt }) => Date.parse(sentAt) < since);
      const first = messages[older + 1]?.seq ?? base + 1;
      if (first > base) break;
      base = first - 1;
      if (older >= 0) break;
    }
    if (!this.#settled) return false;
    this.#position = { logId: present.logId, received: base, handled: base };
    this.#anchored = true;
    return true;
  }

  #canAnchor(): boolean {
    const present = this.#options.greeting();
    if (this.#position !== undefined || present === undefined) return false;
    return this.#arrivals.size > 0 && (present.synced || [...this.#arrivals.values()].some(({ is }) => is === 'entry'));
  }
}

export const clientIdOf = (arrival: Arrival): string | undefined => {
  if (arrival.is === 'reply') return arrival.clientId;
  return 'clientId' in arrival.entry ? arrival.entry.clientId : undefined;
};
