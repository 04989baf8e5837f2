import { connect, type Socket } from 'node:net';
import type { Dialect, MessageText } from './dialect.ts';
import {
  encodeFrame,
  type FrameHead,
  OPCODE_CLOSE,
  OPCODE_PING,
  OPCODE_TEXT,
  readFrame,
  upgradeEnd,
  upgradeRequest,
} from './frame.ts';
import type { Histogram } from './histogram.ts';
import { Seen } from './seen.ts';

/** One user's device, and the one conversation it talks in. */
export interface Seat {
  readonly token: string;
  readonly conversationId: string;
  /** What it says, again and again; absent: filler of the plan's size at epoch 0. */
  readonly message?: MessageText;
  /** The position of its log that the device already holds and has acknowledged; absent: none. */
  readonly head?: number;
}

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  readonly dialect: Dialect;
  readonly depth: number;
  /** base64url characters of ciphertext. */
  readonly mlsChars: number;
  /** Whether entries must arrive in the order of their sends. */
  readonly ordered: boolean;
  /** Acknowledge after so many entries; the worker's timer does the rest. */
  readonly ackEvery: number;
  /** No more sends after so many. */
  readonly limit?: number;
  readonly replyLatency: Histogram;
  readonly eventLatency: Histogram;
  readonly problem: (text: string) => void;
}

// Ids and counters have a fixed width, so that a frame is rendered once and patched in place.
const FIRST_ID = 1_000_000;
const COUNTER_DIGITS = 8;
/** Base64url characters after the counter in a sealed message: within its ciphertext, clear of its last byte. */
const LAST_CHARS = 4;
const SEQ_WIDTH = 9;
const TIMES = 1024;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);
const head: FrameHead = { opcode: 0, start: 0, end: 0 };

/**
 * One closed-loop connection: keeps `depth` sends in flight, checks each reply and each event (position, order, bytes)
 * and acknowledges like a good client. Everything is counted, nothing is allocated per message but one string per read.
 */
export class LoadConnection {
  sent = 0;
  replies = 0;
  events = 0;
  ready = false;
  readonly #seat: Seat;
  readonly #options: LoadOptions;
  /** What stands before and after the counter in each message of this connection, from its `mls` on. */
  readonly #head: string;
  readonly #tail: string;
  readonly #limit: number;
  /** When each of the last sends left. */
  readonly #sentAt: Float64Array;
  readonly #socket: Socket;
  readonly #onReady: () => void;
  #peer: LoadConnection = this;
  #upgraded = false;
  #closing = false;
  #running = false;
  #carry: Buffer | undefined;
  #lastReplySeq = 0;
  #lastEventSeq = 0;
  /** Where there is no order: which of the last replies and events came. */
  readonly #repliesIn = new Seen(0, 'reply');
  readonly #eventsIn = new Seen(0, 'message');
  /** The positions of the log that this connection holds. */
  readonly #log: Seen;
  #ackedSeq: number;
  #due = 0;
  #out: Buffer;
  readonly #ackSize: number;
  readonly #ackSeqAt: number;
  readonly #frameSize: number;
  readonly #idAt: number;
  readonly #clientAt: number;
  readonly #mlsAt: number;

  constructor(seat: Seat, index: number, run: string, options: LoadOptions, onReady: () => void) {
    this.#seat = seat;
    this.#options = options;
    this.#onReady = onReady;
    this.#limit = options.limit ?? Number.POSITIVE_INFINITY;
    this.#sentAt = new Float64Array(TIMES);
    const { epoch, mls, more } = seat.message ?? { epoch: 0, mls: filler(options.mlsChars, index), more: '' };
    const counterAt = seat.message === undefined ? 0 : mls.length - COUNTER_DIGITS - LAST_CHARS;
    this.#head = mls.slice(0, counterAt);
    const tail = mls.slice(counterAt + COUNTER_DIGITS);
    this.#tail = `${tail}"${more}`;
    this.#ackedSeq = seat.head ?? 0;
    this.#log = new Seen(this.#ackedSeq + 1, 'seq');
    const clientId = `${run.slice(0, 8)}-${index.toString(16).padStart(4, '0')}-7000-8000-${'0'.repeat(12 - COUNTER_DIGITS)}`;
    const mark = '#'.repeat(COUNTER_DIGITS);
    const frame = encodeFrame(
      options.dialect.send(String(FIRST_ID), seat.conversationId, clientId + mark, {
        epoch,
        mls: this.#head + mark + tail,
        more,
      }),
    );
    this.#frameSize = frame.length;
    this.#idAt = frame.indexOf(String(FIRST_ID));
    this.#clientAt = frame.indexOf(mark);
    this.#mlsAt = frame.indexOf(mark, this.#clientAt + COUNTER_DIGITS);
    const seqMark = '9'.repeat(SEQ_WIDTH);
    const ackText = options.dialect.ack(seat.conversationId, seqMark);
    const ack = ackText === undefined ? Buffer.alloc(0) : encodeFrame(ackText);
    this.#ackSize = ack.length;
    this.#ackSeqAt = ack.indexOf(seqMark);
    this.#out = Buffer.concat([ack, ...Array.from({ length: options.depth }, () => frame)]);
    this.#socket = connect({
      host: options.host,
      port: options.port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length) => this.#read(length) },
    });
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#closing || this.#fail('the server closed the connection'));
    this.#socket.on('connect', () => this.#socket.write(upgradeRequest(options.host, options.dialect.path)));
  }

  /** Two connections of one conversation know each other's sends; that is how every byte can be checked. */
  pair(peer: LoadConnection): void {
    this.#peer = peer;
  }

  start(): void {
    this.#running = true;
    this.#due = Math.min(this.#options.depth, this.#limit);
    this.#write(performance.now());
  }

  stop(): void {
    this.#running = false;
  }

  /** True once every send was answered and every message of the peer arrived. */
  get settled(): boolean {
    return this.replies === this.sent && this.events === this.#peer.sent;
  }

  /** Acknowledges what is held; called by the worker's timer. */
  acknowledge(): void {
    if (this.#log.next - 1 > this.#ackedSeq && this.#ackSize > 0) this.#write(performance.now(), true);
  }

  /** What is wrong at the end, after everything settled or time ran out. */
  verify(): void {
    const entries = (this.#seat.head ?? 0) + this.sent + this.#peer.sent;
    if (this.replies !== this.sent) this.#fail(`${this.sent - this.replies} of ${this.sent} sends unanswered`);
    if (this.events !== this.#peer.sent) this.#fail(`${this.events} events of ${this.#peer.sent} messages`);
    if (this.#options.ordered && this.#log.next - 1 !== entries)
      this.#fail(`the log ends at ${this.#log.next - 1}, not ${entries}`);
  }

  close(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  /** Stops reading the socket, or goes on. */
  pause(paused: boolean): void {
    if (paused) this.#socket.pause();
    else this.#socket.resume();
  }

  /** A sign of life of somebody who has nothing to say. */
  ping(): void {
    this.#socket.write(encodeFrame('{"id":2,"type":"ping","body":{}}'));
  }

  #fail(text: string): void {
    if (!this.#closing) this.#options.problem(text);
  }

  #read(length: number): boolean {
    let bytes = readBuffer;
    let end = length;
    if (this.#carry !== undefined) {
      bytes = Buffer.concat([this.#carry, readBuffer.subarray(0, length)]);
      end = bytes.length;
      this.#carry = undefined;
    }
    try {
      let at = 0;
      if (!this.#upgraded) {
        at = upgradeEnd(bytes.subarray(0, end));
        if (at < 0) {
          this.#carry = Buffer.from(bytes.subarray(0, end));
          return true;
        }
        this.#upgraded = true;
        for (const text of this.#options.dialect.opening(this.#seat.token)) this.#socket.write(encodeFrame(text));
      }
      at = this.#frames(bytes, at, end);
      if (at < end) this.#carry = Buffer.from(bytes.subarray(at, end));
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
      this.close();
    }
    return true;
  }

  #frames(bytes: Buffer, from: number, end: number): number {
    // Everything measured is ASCII: one string for the whole read is far cheaper than one per frame.
    const text = bytes.toString('latin1', 0, end);
    const now = performance.now();
    let at = from;
    while (readFrame(bytes, at, end, head)) {
      at = head.end;
      if (head.opcode === OPCODE_TEXT) this.#frame(text, head.start, head.end, now);
      else if (head.opcode === OPCODE_PING) this.#socket.write(encodeFrame(text.slice(head.start, head.end), 10));
      else if (head.opcode === OPCODE_CLOSE) throw new Error(`closed with ${closeCode(bytes, head)}`);
    }
    if (this.#due > 0) this.#write(now);
    else if (this.#log.next - 1 - this.#ackedSeq >= this.#options.ackEvery) this.acknowledge();
    return at;
  }

  #frame(text: string, at: number, end: number, now: number): void {
    const dialect = this.#options.dialect;
    if (!this.ready) {
      const { answer, ready } = dialect.greet(text.slice(at, end), this.#seat.token);
      if (answer !== undefined) this.#socket.write(encodeFrame(answer));
      if (!ready) return;
      this.ready = true;
      this.#onReady();
      return;
    }
    const kind = dialect.kind(text, at);
    if (kind === 'reply') this.#reply(text, at, now);
    else if (kind === 'event') this.#event(text, at, now);
    else {
      const answer = dialect.other(text.slice(at, end));
      if (answer !== undefined) this.#socket.write(encodeFrame(answer));
    }
  }

  #reply(text: string, at: number, now: number): void {
    const idAt = this.#options.dialect.replyIdAt(text, at);
    const id = number(text, idAt);
    if (id < FIRST_ID) return;
    const index = id - FIRST_ID;
    if (index >= this.sent) throw new Error(`a reply to nothing: ${text.slice(at, at + 60)}`);
    const seq = this.#seq(text, idAt);
    if (!this.#options.ordered) this.#repliesIn.take(index);
    else {
      if (index !== this.replies) throw new Error(`reply ${index} came as number ${this.replies}`);
      if (seq <= this.#lastReplySeq) throw new Error(`reply seq ${seq} after ${this.#lastReplySeq}`);
      this.#lastReplySeq = seq;
      this.#log.take(seq);
    }
    this.replies++;
    this.#options.replyLatency.record((now - (this.#sentAt[index % TIMES] ?? now)) * 1000);
    if (this.#running && this.sent + this.#due < this.#limit) this.#due++;
  }

  #event(text: string, at: number, now: number): void {
    const seq = this.#seq(text, at);
    const peer = this.#peer;
    const mlsAt = text.indexOf('"mls":"', at) + 7;
    // What the server reads from the log instead, after it missed something, holds one's own messages, too; replies count those.
    if (this.#says(text, mlsAt)) return;
    const counterAt = mlsAt + peer.#head.length;
    const index = number(text, counterAt, COUNTER_DIGITS);
    if (index >= peer.sent) throw new Error(`message ${index} was never sent`);
    if (!peer.#says(text, mlsAt)) throw new Error(`message ${index}: other bytes`);
    if (!this.#options.ordered) this.#eventsIn.take(index);
    else {
      if (index !== this.events) throw new Error(`message ${index} came as number ${this.events}`);
      if (seq <= this.#lastEventSeq) throw new Error(`event seq ${seq} after ${this.#lastEventSeq}`);
      this.#lastEventSeq = seq;
      this.#log.take(seq);
    }
    this.events++;
    // Replies may overtake events by so much that the time was overwritten; such an event isn't timed.
    if (peer.sent - index <= TIMES) {
      this.#options.eventLatency.record((now - (peer.#sentAt[index % TIMES] ?? now)) * 1000);
    }
  }

  /** Whether these are the bytes that this connection sends, but for the counter. */
  #says(text: string, mlsAt: number): boolean {
    const tailAt = mlsAt + this.#head.length + COUNTER_DIGITS;
    return text.startsWith(this.#head, mlsAt) && text.startsWith(this.#tail, tailAt);
  }

  #seq(text: string, at: number): number {
    const seqAt = text.indexOf('"seq":', at) + 6;
    return number(text, seqAt);
  }

  /** Sends what is due in one write, with an acknowledgement in front when enough has come. */
  #write(now: number, ackNow = false): void {
    const held = this.#log.next - 1;
    const ack = this.#ackSize > 0 && (ackNow || held - this.#ackedSeq >= this.#options.ackEvery);
    const out = this.#out;
    if (ack) {
      this.#ackedSeq = held;
      spacePadded(out, this.#ackSeqAt, held);
    }
    let at = this.#ackSize;
    for (let i = 0; i < this.#due; i++) {
      digits(out, at + this.#idAt, FIRST_ID + this.sent, 7);
      digits(out, at + this.#clientAt, this.sent, COUNTER_DIGITS);
      digits(out, at + this.#mlsAt, this.sent, COUNTER_DIGITS);
      this.#sentAt[this.sent % TIMES] = now;
      this.sent++;
      at += this.#frameSize;
    }
    this.#due = 0;
    this.#socket.write(out.subarray(ack ? 0 : this.#ackSize, at));
    // A buffer the kernel did not take yet must not be patched again.
    if (this.#socket.writableLength > 0) this.#out = Buffer.from(out);
  }
}

function number(text: string, at: number, most = SEQ_WIDTH): number {
  let value = 0;
  for (let i = at; i < at + most; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
  }
  return value;
}

function digits(out: Buffer, at: number, value: number, width: number): void {
  let rest = value;
  for (let i = at + width - 1; i >= at; i--) {
    out[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function spacePadded(out: Buffer, at: number, value: number): void {
  let rest = value;
  for (let i = at + SEQ_WIDTH - 1; i >= at; i--) {
    out[i] = rest === 0 && i < at + SEQ_WIDTH - 1 ? 32 : 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

/** Canonical base64url text that differs per connection: its last character must have no bits beyond the last byte. */
function filler(chars: number, index: number): string {
  let state = (index + 1) * 2_654_435_761;
  let text = 'A';
  for (let i = 1; i < chars - 1; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += ALPHABET.charAt(state >>> 26);
  }
  return `${text}A`;
}

const closeCode = (bytes: Buffer, frame: FrameHead): string =>
  frame.end - frame.start < 2
    ? 'no code'
    : `${bytes.readUInt16BE(frame.start)} ${bytes.toString('utf8', frame.start + 2, frame.end)}`;
