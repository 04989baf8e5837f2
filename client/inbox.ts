import * as v from 'valibot';
import type { Reply, RequestInput } from '../protocol/index.ts';
import { type Clock, delay } from './clock.ts';
import type { MessageCodec, WireEntry } from './codec.ts';
import { Lane } from './lane.ts';
import { rebase } from './rebase.ts';
import { backoffMs } from './reconnect.ts';
import { type Entry, handled, keys, type OutgoingRecord, type Position, readOne, received } from './records.ts';
import { type SteadyWrite, Stopped } from './steady.ts';
import type { ClientStore } from './store.ts';
import type { Turns } from './turns.ts';

/**
 * How many conversations are acknowledged once more in one go after a reconnect. The server ends a session of which it
 * must keep more than 4,096 marks at once; at this pace its database may take two seconds.
 */
const ACKS_AT_ONCE = 200;
const ACKS_EVERY_MS = 100;

/** The present session, as far as the inbox needs it. */
export interface InboxSession {
  readonly logId: string;
  readonly serverTime: number;
  readonly synced: boolean;
}

export interface InboxOptions {
  readonly store: ClientStore;
  readonly write: SteadyWrite;
  readonly codec: MessageCodec;
  readonly clock: Clock;
  readonly random: () => number;
  readonly turns: Turns;
  readonly signal: AbortSignal;
  readonly handlerTries: number;
  me(): { readonly userId: string; readonly deviceId: string };
  greeting(): InboxSession | undefined;
  connected(): boolean;
  history(body: RequestInput<'message.history'>): Promise<Reply<'message.history'>>;
  /** False when there is no session to carry it. */
  ack(conversationId: string, seq: number): boolean;
  /** The application's handler. */
  handle(entry: Entry): Promise<void>;
  onFailedEntry(entry: Entry): void;
  /** An earlier entry was edited, reacted to or deleted. */
  onChanged?(entry: Entry): void;
  /** What was sent before this moment has expired. */
  cutoff?(conversationId: string): number;
  /** This device's own message, if it is still on its way. */
  outgoing(clientId: string): OutgoingRecord | undefined;
  onSettled(record: OutgoingRecord, seq: number, sentAt: string): void;
  /** Prepares what a restored server lost for being sent again; `admit` follows once it is in the store. */
  relive(conversationId: string, logId: string, lost: readonly Entry[]): { records: OutgoingRecord[]; admit(): void };
  onReady(conversationId: string): void;
  onProblem(problem: unknown): void;
}

/** All conversations' entries: exactly once and in order to the application, then acknowledged. */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #positions = new Map<string, Position>();
  readonly #rebasing = new Set<string>();
  readonly #unconfirmed = new Set<Lane>();
  #acknowledging = false;
  #logId: string | undefined;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    const { store } = this.#options;
    for (const { key, value } of await store.list({ prefix: keys.allReceived })) {
      const here = v.safeParse(received, value);
      if (!here.success) continue;
      const id = key.slice(keys.allReceived.length);
      const { logId, seq } = here.output;
      const seen = await readOne(store, handled, keys.handled(id));
      this.#positions.set(id, { logId, received: seq, handled: seen?.logId === logId ? Math.min(seen.seq, seq) : seq });
    }
    // What an earlier run did not finish needs no connection.
    for (const [id, position] of this.#positions) if (position.handled < position.received) this.#lane(id);
  }

  /** True once this conversation's place in the present log is known. */
  isSettled(conversationId: string): boolean {
    return this.#lane(conversationId).settled;
  }

  /** The log that this device's place in a conversation is of, if it has one. */
  logOf(conversationId: string): string | undefined {
    return (this.#lanes.get(conversationId)?.position ?? this.#positions.get(conversationId))?.logId;
  }

  /** A session began. Its log may be another one than the last. */
  greeted(logId: string): void {
    const changed = this.#logId !== logId;
    this.#logId = logId;
    for (const lane of this.#lanes.values()) {
      const position = lane.position ?? this.#positions.get(lane.conversationId);
      if (position !== undefined && position.logId !== logId) this.#rebase(lane, position);
      else if (changed && (position === undefined || !lane.settled)) {
        // What was replied to in the log before has no place in this one.
        if (lane.settled) {
          lane.unsettle();
          this.#options.relive(lane.conversationId, logId, []).admit();
        }
        this.#settle(lane, position);
      } else {
        lane.reconnected();
        this.#unconfirmed.add(lane);
      }
    }
    this.#acknowledgeSome();
    // Conversations that nothing has come for yet may have lost something too.
    if (changed) for (const [id, position] of this.#positions) if (position.logId !== logId) this.#lane(id);
  }

  synced(): void {
    for (const lane of this.#lanes.values()) lane.proceed();
  }

  arrived(entry: WireEntry): void {
    this.#lane(entry.conversationId).arrive({ is: 'entry', seq: entry.seq, entry });
  }

  replied(record: OutgoingRecord, seq: number, sentAt: string): void {
    const lane = this.#lane(record.conversationId);
    // Else it is of a log that is being left: a message is sent, and replied to, in a log that is settled.
    if (lane.settled) lane.arrive({ is: 'reply', seq, sentAt, clientId: record.clientId });
  }

  get busy(): boolean {
    return [...this.#lanes.values()].some((lane) => lane.busy);
  }

  #acknowledgeSome(): void {
    const { clock, connected, signal } = this.#options;
    if (this.#acknowledging || this.#unconfirmed.size === 0) return;
    this.#acknowledging = true;
    clock.after(ACKS_EVERY_MS, () => {
      this.#acknowledging = false;
      // The next session begins with all of them anew.
      if (signal.aborted || !connected()) return this.#unconfirmed.clear();
      let sent = 0;
      for (const lane of this.#unconfirmed) {
        this.#unconfirmed.delete(lane);
        if (lane.acknowledge()) sent += 1;
        if (sent === ACKS_AT_ONCE) break;
      }
      this.#acknowledgeSome();
    });
  }

  #lane(conversationId: string): Lane {
    const known = this.#lanes.get(conversationId);
    if (known !== undefined) return known;
    const lane = new Lane(conversationId, this.#options);
    this.#lanes.set(conversationId, lane);
    const position = this.#positions.get(conversationId);
    if (this.#logId === undefined || position === undefined || position.logId === this.#logId)
      this.#settle(lane, position);
    else this.#rebase(lane, position);
    return lane;
  }

  #settle(lane: Lane, position: Position | undefined): void {
    if (position === undefined && this.#logId === undefined) return;
    lane.settle(position);
    this.#options.onReady(lane.conversationId);
  }

  #rebase(lane: Lane, before: Position): void {
    if (lane.settled) lane.unsettle();
    if (this.#rebasing.has(lane.conversationId)) return;
    this.#rebasing.add(lane.conversationId);
    this.#rebaseUntilDone(lane, before)
      .catch((error: unknown) => {
        if (!(error instanceof Stopped)) this.#options.onProblem(error);
      })
      .finally(() => this.#rebasing.delete(lane.conversationId));
  }

  async #rebaseUntilDone(lane: Lane, before: Position): Promise<void> {
    const { store, write, history, me, clock, signal, onProblem, turns } = this.#options;
    const { conversationId } = lane;
    for (let tries = 0; !signal.aborted; tries += 1) {
      const logId = this.#logId ?? before.logId;
      try {
        const position = await turns.run(conversationId, async () => {
          const result = await rebase({ store, history, conversationId, logId, before, deviceId: me().deviceId });
          const again = this.#options.relive(conversationId, logId, result.lost);
          const puts = again.records.map((record) => ({ key: keys.outgoing(record), value: record }));
          await write([...result.changes, ...puts]);
          again.admit();
          return result.position;
        });
        this.#positions.set(conversationId, position);
        return this.#settle(lane, position);
      } catch (error) {
        if (error instanceof Stopped) throw error;
        onProblem(error);
        await delay(clock, backoffMs(tries, this.#options.random()), signal);
      }
    }
  }
}
