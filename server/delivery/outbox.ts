import { WINDOW_BYTES, WINDOW_ENTRIES } from '../../protocol/scalars.ts';
import type { Clock } from '../clock.ts';
import type { Position } from '../store/store.ts';
import type { Loader } from './loader.ts';
import type { Writer } from './writer.ts';

/** How long an entry waits for the one before it, before the log is read. */
const GAP_MS = 20;
/** How long a read of the log waits while more than half of the window is taken: else each acknowledgement would cost a query. */
const ROOM_MS = 50;
const MAX_HELD = 32;
/** Beyond this, what a connection sent while it was behind comes to it as an event too, which does no harm. */
const MAX_OWN = 4096;
/** Conversations whose latest state waits for a congested socket; more than that and the client must start over. */
const MAX_STATES = 1024;

/** One conversation as one connection sees it. `sent`: everything up to it was written here or is held by the device. */
interface Lane {
  readonly conversationId: string;
  sent: number;
  /** The highest entry known to exist. */
  known: number;
  /** `behind`: entries up to `known` are read from the log, live ones only raise `known`. `unplaced`: `sent` is not known yet. */
  mode: 'live' | 'gap' | 'behind' | 'unplaced';
  /** Entries that came before their predecessor, in mode `gap`. */
  held: Map<number, string> | undefined;
  /** Sequence numbers and sizes of what was pushed and is not yet acknowledged, alternating. */
  unacked: number[] | undefined;
  /** Entries this connection sent while it was behind: their replies were enough. */
  own: Set<number> | undefined;
}

/** What an outbox needs of its connection. */
export interface OutboxHost {
  readonly writer: Writer;
  readonly loader: Loader;
  readonly clock: Clock;
  /** Where the device stands in a conversation that began after the connection. */
  place(conversationId: string): Promise<Position | undefined>;
  /** A read failed; it is tried again after a while. */
  failed(error: unknown): void;
  /** The client can't keep up with states either. */
  overflow(): void;
  /** Everything up to the heads fixed at the start has been written. */
  synced(): void;
}

/**
 * What one connection is still to be told. Entries go out in order, once, at most a window of them unacknowledged;
 * beyond it they are left in the log and read from there as acknowledgements come. It never holds an entry back for
 * longer than a gap, so its memory is bounded whatever its reader does.
 */
export class Outbox {
  readonly #host: OutboxHost;
  readonly #lanes = new Map<string, Lane>();
  /** Lanes to be read from the log, in turn. */
  #behind: Lane[] = [];
  /** Heads that are still to be reached before `synced`. */
  #goals: Map<string, number> | undefined;
  #states: Map<string, string> | undefined;
  #entries = 0;
  #bytes = 0;
  /** The next entry found no room: nothing is pushed until something is acknowledged. */
  #shut = false;
  #state: 'new' | 'started' | 'closed' = 'new';
  /** Of the log: a read is under way, or will be in a moment. */
  #reading: 'no' | 'soon' | 'now' = 'no';

  constructor(host: OutboxHost) {
    this.#host = host;
  }

  /** Takes over from the positions read after the subscription: what came in between is in the log and in `known`. */
  start(positions: readonly Position[]): void {
    this.#state = 'started';
    if (!this.#host.writer.congested) this.#writeStates();
    this.#goals = new Map();
    for (const { conversationId, lastSeq, cursor } of positions) {
      const early = this.#lanes.get(conversationId);
      const lane: Lane = {
        conversationId,
        sent: cursor,
        known: Math.max(lastSeq, early?.known ?? 0),
        mode: 'live',
        held: undefined,
        unacked: undefined,
        own: undefined,
      };
      this.#lanes.set(conversationId, lane);
      if (lastSeq > cursor) this.#goals.set(conversationId, lastSeq);
      if (lane.known > lane.sent) this.#fallBehind(lane);
    }
    // Conversations that began while the positions were being read.
    for (const lane of this.#lanes.values()) if (lane.mode === 'unplaced') this.#behind.push(lane);
    this.#checkSynced();
    this.#pump();
  }

  /** True if the user is known to take part in the conversation. */
  has(conversationId: string): boolean {
    return this.#lanes.has(conversationId);
  }

  /** A stored entry. */
  offer(conversationId: string, seq: number, frame: string | undefined): void {
    const lane = this.#lane(conversationId, seq);
    if (seq > lane.known) lane.known = seq;
    if (seq <= lane.sent || lane.mode === 'behind' || lane.mode === 'unplaced') return;
    if (frame === undefined || this.#shut) return this.#fallBehind(lane);
    if (seq === lane.sent + 1) {
      if (!this.#push(lane, seq, frame)) return this.#fallBehind(lane);
      if (lane.mode === 'gap') this.#release(lane);
    } else this.#hold(lane, seq, frame);
  }

  /** An entry that this connection sent itself: the reply takes the event's place. */
  own(conversationId: string, seq: number): void {
    const lane = this.#lane(conversationId, seq);
    if (seq > lane.known) lane.known = seq;
    if (lane.mode === 'behind' || lane.mode === 'unplaced') return this.#remember(lane, seq);
    if (seq === lane.sent + 1) {
      lane.sent = seq;
      if (lane.mode === 'gap') this.#release(lane);
    } else if (seq > lane.sent) {
      this.#remember(lane, seq);
      this.#fallBehind(lane);
    }
  }

  /** The head of a conversation as PostgreSQL has it: anything above what was offered was lost on the way. */
  check(conversationId: string, lastSeq: number): void {
    const lane = this.#lane(conversationId, lastSeq);
    if (lastSeq > lane.known) lane.known = lastSeq;
    if (lane.mode === 'live' && lane.known > lane.sent) this.#fallBehind(lane);
  }

  /** An absolute value: while the socket is congested only the latest per key is kept. */
  state(key: string, frame: string): void {
    // Before the start nothing may leave: hello isn't answered yet, and may still be refused.
    const flows = this.#state === 'started' && !this.#host.writer.congested && this.#states === undefined;
    if (flows) return this.#host.writer.write(frame);
    this.#states ??= new Map();
    if (this.#states.size >= MAX_STATES && !this.#states.has(key)) return this.#host.overflow();
    this.#states.set(key, frame);
  }

  /** Dropped first: only a socket with an empty buffer gets it. */
  ephemeral(frame: string): void {
    if (this.#state === 'started' && !this.#host.writer.congested) this.#host.writer.write(frame);
  }

  /** The device says that it holds everything up to `seq`. Whether that is so for what isn't known here, PostgreSQL judges. */
  ack(conversationId: string, seq: number): void {
    const lane = this.#lanes.get(conversationId);
    if (lane === undefined || lane.mode === 'unplaced') return;
    // What was pushed is held in any case. Otherwise a device that read ahead in the history would keep its window shut.
    if (lane.unacked !== undefined) this.#settle(lane, lane.unacked, seq);
    if (seq > lane.sent && seq <= lane.known) {
      // The device read ahead in the history; what it holds needs no push.
      lane.sent = seq;
      this.#reached(lane);
    }
    this.#pump();
  }

  drained(): void {
    this.#host.writer.drained();
    if (this.#state === 'started') this.#writeStates();
    this.#pump();
  }

  close(): void {
    this.#state = 'closed';
    this.#lanes.clear();
    this.#behind = [];
    this.#states = undefined;
  }

  /** Entries pushed and not yet acknowledged. */
  get unacknowledged(): number {
    return this.#entries;
  }

  /** Something is to be read from the log for it. */
  get behind(): boolean {
    return this.#reading === 'now' || this.#behind.length > 0;
  }

  get congested(): boolean {
    return this.#host.writer.congested;
  }

  #writeStates(): void {
    const states = this.#states;
    this.#states = undefined;
    if (states !== undefined) for (const frame of states.values()) this.#host.writer.write(frame);
  }

  #remember(lane: Lane, seq: number): void {
    lane.own ??= new Set();
    if (lane.own.size < MAX_OWN) lane.own.add(seq);
  }

  #lane(conversationId: string, seq: number): Lane {
    let lane = this.#lanes.get(conversationId);
    if (lane === undefined) {
      // A conversation that began after this connection starts with entry 1; any other must be looked up.
      const fresh = this.#state === 'started' && seq === 1;
      lane = {
        conversationId,
        sent: 0,
        known: 0,
        mode: fresh ? 'live' : 'unplaced',
        held: undefined,
        unacked: undefined,
        own: undefined,
      };
      this.#lanes.set(conversationId, lane);
      if (!fresh && this.#state === 'started') {
        this.#behind.push(lane);
        this.#pump();
      }
    }
    return lane;
  }

  /** False if the window has no room for it; one entry always has, however large it is. */
  #push(lane: Lane, seq: number, frame: string): boolean {
    this.#shut = this.#entries >= WINDOW_ENTRIES || (this.#entries > 0 && this.#bytes + frame.length > WINDOW_BYTES);
    if (this.#shut) return false;
    lane.sent = seq;
    if (lane.known < seq) lane.known = seq;
    lane.unacked ??= [];
    lane.unacked.push(seq, frame.length);
    this.#entries++;
    this.#bytes += frame.length;
    this.#host.writer.write(frame);
    return true;
  }

  #settle(lane: Lane, unacked: number[], seq: number): void {
    let n = 0;
    this.#shut = false;
    while (n < unacked.length && (unacked[n] ?? 0) <= seq) {
      this.#entries--;
      this.#bytes -= unacked[n + 1] ?? 0;
      n += 2;
    }
    if (n === unacked.length) lane.unacked = undefined;
    else if (n > 0) unacked.splice(0, n);
  }

  #hold(lane: Lane, seq: number, frame: string): void {
    if (lane.mode === 'live') {
      lane.mode = 'gap';
      lane.held = new Map();
      this.#host.clock.after(GAP_MS, () => {
        if (lane.mode === 'gap' && this.#state !== 'closed') this.#fallBehind(lane);
      });
    }
    if (lane.held !== undefined && lane.held.size < MAX_HELD) lane.held.set(seq, frame);
  }

  #release(lane: Lane): void {
    for (;;) {
      const frame = lane.held?.get(lane.sent + 1);
      if (frame === undefined || !this.#push(lane, lane.sent + 1, frame)) break;
      lane.held?.delete(lane.sent);
    }
    if (lane.sent < lane.known) return;
    lane.mode = 'live';
    lane.held = undefined;
  }

  #fallBehind(lane: Lane): void {
    lane.mode = 'behind';
    lane.held = undefined;
    this.#behind.push(lane);
    this.#pump();
  }

  /** Sees to it that what the window has room for is read: at once if that is half of it, else in a moment. */
  #pump(): void {
    if (this.#reading === 'now' || this.#state !== 'started' || this.#behind.length === 0) return;
    if (this.#shut || this.#entries >= WINDOW_ENTRIES) return;
    if (this.#entries <= WINDOW_ENTRIES / 2 && this.#bytes <= WINDOW_BYTES / 2) return this.#read();
    if (this.#reading === 'soon') return;
    this.#reading = 'soon';
    this.#host.clock.after(ROOM_MS, () => {
      if (this.#reading !== 'soon' || this.#state !== 'started') return;
      this.#reading = 'no';
      if (!this.#shut && this.#entries < WINDOW_ENTRIES) this.#read();
    });
  }

  /** One page of one conversation at a time, conversations in turn. */
  #read(): void {
    const lane = this.#behind.shift();
    if (lane === undefined) return;
    this.#reading = 'now';
    void this.#advance(lane).then(
      () => {
        this.#reading = 'no';
        this.#pump();
      },
      (error: unknown) => {
        this.#reading = 'no';
        if (this.#state === 'closed') return;
        this.#behind.push(lane);
        this.#host.failed(error);
        this.#host.clock.after(1000, () => this.#pump());
      },
    );
  }

  async #advance(lane: Lane): Promise<void> {
    if (lane.mode === 'unplaced') {
      const position = await this.#host.place(lane.conversationId);
      if (this.#state === 'closed') return;
      if (position === undefined) return void this.#lanes.delete(lane.conversationId);
      lane.sent = position.cursor;
      lane.known = Math.max(lane.known, position.lastSeq);
      lane.mode = 'behind';
    }
    if (lane.sent < lane.known) {
      const { entries } = await this.#host.loader.read(lane.conversationId, lane.sent);
      if (this.#state === 'closed') return;
      for (const { seq, frame } of entries) {
        if (seq !== lane.sent + 1) continue;
        if (lane.own?.delete(seq) === true) lane.sent = seq;
        else if (!this.#push(lane, seq, frame)) break;
      }
      // The log has no hole, so an empty page means that what was announced isn't there: trust the log.
      if (entries.length === 0) lane.known = lane.sent;
    }
    if (lane.sent < lane.known) this.#behind.push(lane);
    else {
      lane.mode = 'live';
      lane.own = undefined;
    }
    this.#reached(lane);
  }

  #reached(lane: Lane): void {
    const goal = this.#goals?.get(lane.conversationId);
    if (goal === undefined || (lane.sent < goal && lane.mode !== 'live')) return;
    this.#goals?.delete(lane.conversationId);
    this.#checkSynced();
  }

  #checkSynced(): void {
    if (this.#goals === undefined || this.#goals.size > 0) return;
    this.#goals = undefined;
    this.#host.synced();
  }
}
