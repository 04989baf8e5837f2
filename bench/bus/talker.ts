import { connect, type Socket } from 'node:net';
import { SOCKET_PATH } from '../../protocol/frame.ts';
import type { Seat } from '../driver/connection.ts';
import {
  encodeFrame,
  type FrameHead,
  OPCODE_PING,
  OPCODE_TEXT,
  readFrame,
  upgradeEnd,
  upgradeRequest,
} from '../driver/frame.ts';
import type { Histogram } from '../driver/histogram.ts';

export interface TalkerOptions {
  readonly seat: Seat;
  readonly port: number;
  /** Eight hexadecimal digits that no other talker has had. */
  readonly mark: string;
  readonly latency: Histogram;
  readonly problem: (text: string) => void;
}

const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
const head: FrameHead = { opcode: 0, start: 0, end: 0 };
const PONG = 10;
/** A message carries its number in these first characters; with them it is 258 bytes. */
const COUNTER_DIGITS = 8;
const FILLER = 'QUJD'.repeat(84);
const COUNTER = /"mls":"(\d{8})/;

/** Somebody who sends when told, open loop, and times what the other one sent from the moment it was due. */
export class Talker {
  sent = 0;
  received = 0;
  replies = 0;
  /** What is not measured goes elsewhere. */
  latency: Histogram;
  readonly ready: Promise<void>;
  readonly #options: TalkerOptions;
  readonly #socket: Socket;
  readonly #dueAt: number[] = [];
  #peer: Talker = this;
  #greeted: () => void = () => {};
  #upgraded = false;
  #closing = false;
  #carry: Buffer | undefined;
  readonly #ahead = new Set<number>();
  #held = 0;
  #acked = 0;

  constructor(options: TalkerOptions) {
    this.#options = options;
    this.latency = options.latency;
    this.ready = new Promise((resolve) => {
      this.#greeted = resolve;
    });
    this.#socket = connect({
      host: '127.0.0.1',
      port: options.port,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length) => this.#read(length) },
    });
    this.#socket.on('connect', () => this.#socket.write(upgradeRequest('127.0.0.1', SOCKET_PATH)));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('the server closed a connection'));
  }

  pair(peer: Talker): void {
    this.#peer = peer;
  }

  get settled(): boolean {
    return this.replies === this.sent && this.received === this.#peer.sent;
  }

  send(due: number): void {
    const n = this.sent++;
    this.#dueAt[n] = due;
    const { seat, mark } = this.#options;
    const clientId = `${mark}-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
    const mls = String(n).padStart(COUNTER_DIGITS, '0') + FILLER;
    this.#write(
      `{"id":${n + 2},"type":"message.send","body":{"conversationId":"${seat.conversationId}","clientId":"${clientId}","epoch":0,"mls":"${mls}"}}`,
    );
  }

  acknowledge(): void {
    if (this.#held === this.#acked) return;
    this.#acked = this.#held;
    this.#write(`{"type":"ack","body":{"conversationId":"${this.#options.seat.conversationId}","seq":${this.#acked}}}`);
  }

  close(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  #write(text: string): void {
    this.#socket.write(encodeFrame(text));
  }

  #fail(text: string): void {
    if (this.#closing) return;
    this.#options.problem(text);
    this.#greeted();
    this.close();
  }

  #read(length: number): boolean {
    const now = performance.now();
    const fresh = readBuffer.subarray(0, length);
    const bytes = this.#carry === undefined ? fresh : Buffer.concat([this.#carry, fresh]);
    this.#carry = undefined;
    let at = 0;
    try {
      if (!this.#upgraded) {
        at = upgradeEnd(bytes);
        this.#upgraded = at >= 0;
        if (this.#upgraded)
          this.#write(
            JSON.stringify({ id: 1, type: 'hello', body: { token: this.#options.seat.token, client: 'bench' } }),
          );
      }
      while (this.#upgraded && readFrame(bytes, at, bytes.length, head)) {
        at = head.end;
        const text = bytes.toString('latin1', head.start, head.end);
        if (head.opcode === OPCODE_TEXT) this.#take(text, now);
        else if (head.opcode === OPCODE_PING) this.#socket.write(encodeFrame(text, PONG));
      }
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
    if (at < bytes.length) this.#carry = Buffer.from(bytes.subarray(Math.max(0, at)));
    return true;
  }

  #take(text: string, now: number): void {
    if (text.startsWith('{"type":"message.new"')) this.#message(text, now);
    else if (text.startsWith('{"type":"error"')) throw new Error(text.slice(0, 200));
    else if (text.startsWith('{"type":"sync.done"')) this.#greeted();
    else if (text.startsWith('{"type":"reply"') && !text.startsWith('{"type":"reply","id":1,')) {
      this.replies++;
      this.#hold(text);
    }
  }

  /** A reply may run ahead of the events before it; only what came without a gap is acknowledged. */
  #hold(text: string): void {
    const seq = Number(/"seq":(\d+)/.exec(text)?.[1]);
    if (seq > this.#held) this.#ahead.add(seq);
    while (this.#ahead.delete(this.#held + 1)) this.#held++;
  }

  #message(text: string, now: number): void {
    // While it was read from the log, its own message may come as an event before the reply.
    if (text.includes(`"clientId":"${this.#options.mark}-`)) return this.#hold(text);
    const n = Number(COUNTER.exec(text)?.[1]);
    if (n !== this.received) throw new Error(`message ${n} came as number ${this.received}`);
    this.received++;
    this.#hold(text);
    this.latency.record((now - (this.#peer.#dueAt[n] ?? now)) * 1000);
  }
}
