import { connect, type Socket } from 'node:net';
import { backoffMs } from '../../client/reconnect.ts';
import { SOCKET_PATH } from '../../protocol/frame.ts';
import type { Seat } from '../driver/connection.ts';
import { encodeFrame, type FrameHead, OPCODE_TEXT, readFrame, upgradeEnd, upgradeRequest } from '../driver/frame.ts';

export interface DeviceOptions {
  readonly index: number;
  readonly run: string;
  /** Where a new connection goes now. */
  readonly port: () => number;
  readonly changed: (device: ReturningDevice) => void;
  readonly problem: (text: string) => void;
}

const readBuffer = Buffer.allocUnsafeSlow(256 * 1024);
const head: FrameHead = { opcode: 0, start: 0, end: 0 };
const MLS = 'QUJD'.repeat(86);
/** As in the SDK: a session that lasted this long makes the next break a first one. */
const LASTED_MS = 5_000;
/** Devices behind one address, so that ports don't run out and no address has more strangers than are allowed. */
const PER_ADDRESS = 40;

/**
 * A device that does what the SDK does when its server dies: it waits with the SDK's own backoff, says hello elsewhere,
 * sends again what was not answered, and knows which position must come next.
 */
export class ReturningDevice {
  peer: ReturningDevice | undefined;
  synced = false;
  sent = 0;
  held = 0;
  attempts = 0;
  again = 0;
  syncedAt = 0;
  completeAt = 0;
  acknowledges = true;
  readonly #seat: Seat;
  readonly #options: DeviceOptions;
  readonly #pending = new Map<number, string>();
  readonly #ahead = new Set<number>();
  #socket: Socket | undefined;
  #upgraded = false;
  #carry: Buffer | undefined;
  #acked = 0;
  #tries = 0;
  #greetedAt = 0;
  #ended = false;

  constructor(seat: Seat, options: DeviceOptions) {
    this.#seat = seat;
    this.#options = options;
  }

  /** Everything it sent was answered. */
  get idle(): boolean {
    return this.#pending.size === 0;
  }

  get complete(): boolean {
    return this.synced && this.#pending.size === 0 && this.held === this.sent + (this.peer?.sent ?? 0);
  }

  open(): void {
    this.attempts++;
    this.synced = false;
    this.#upgraded = false;
    this.#carry = undefined;
    const group = Math.floor(this.#options.index / PER_ADDRESS);
    const socket = connect({
      host: '127.0.0.1',
      port: this.#options.port(),
      localAddress: `127.0.${1 + Math.floor(group / 250)}.${1 + (group % 250)}`,
      noDelay: true,
      onread: { buffer: readBuffer, callback: (length) => this.#read(length) },
    });
    this.#socket = socket;
    socket.on('connect', () => socket.write(upgradeRequest('127.0.0.1', SOCKET_PATH)));
    socket.on('error', () => {});
    socket.on('close', () => this.#lost());
  }

  send(): void {
    const n = this.sent++;
    const id = n + 2;
    const clientId = `${this.#options.run}-${this.#options.index.toString(16).padStart(4, '0')}-7000-8000-${n.toString(16).padStart(12, '0')}`;
    this.#pending.set(
      id,
      `{"id":${id},"type":"message.send","body":{"conversationId":"${this.#seat.conversationId}","clientId":"${clientId}","epoch":0,"mls":"${MLS}"}}`,
    );
    this.#post(id);
  }

  acknowledge(): void {
    if (!this.synced || !this.acknowledges || this.held === this.#acked) return;
    this.#acked = this.held;
    this.#write(`{"type":"ack","body":{"conversationId":"${this.#seat.conversationId}","seq":${this.held}}}`);
  }

  /** A sign of life of somebody who has nothing to say. */
  ping(): void {
    if (this.synced) this.#write('{"id":1000000,"type":"ping","body":{}}');
  }

  end(): void {
    this.#ended = true;
    this.#socket?.destroy();
  }

  #post(id: number): void {
    const frame = this.#pending.get(id);
    if (frame !== undefined && this.synced) this.#write(frame);
  }

  #write(text: string): void {
    this.#socket?.write(encodeFrame(text));
  }

  #lost(): void {
    this.synced = false;
    if (this.#ended) return;
    if (this.#greetedAt > 0 && Date.now() - this.#greetedAt >= LASTED_MS) this.#tries = 0;
    this.#greetedAt = 0;
    setTimeout(() => this.#ended || this.open(), backoffMs(this.#tries++, Math.random()));
  }

  #read(length: number): boolean {
    const fresh = readBuffer.subarray(0, length);
    const bytes = this.#carry === undefined ? fresh : Buffer.concat([this.#carry, fresh]);
    this.#carry = undefined;
    let at = 0;
    try {
      if (!this.#upgraded) {
        at = upgradeEnd(bytes);
        if (at < 0) {
          this.#carry = Buffer.from(bytes);
          return true;
        }
        this.#upgraded = true;
        this.#write(JSON.stringify({ id: 1, type: 'hello', body: { token: this.#seat.token, client: 'bench' } }));
      }
    } catch {
      // 503: the server has no room for more strangers now. The close that follows starts the wait.
      this.#socket?.destroy();
      return true;
    }
    while (readFrame(bytes, at, bytes.length, head)) {
      at = head.end;
      if (head.opcode === OPCODE_TEXT) this.#take(bytes.toString('latin1', head.start, head.end));
    }
    if (at < bytes.length) this.#carry = Buffer.from(bytes.subarray(at));
    return true;
  }

  #take(text: string): void {
    if (text.startsWith('{"type":"message.new"')) this.#hold(numberAfter(text, '"seq":'), false);
    else if (text.startsWith('{"type":"sync.done"')) this.#back();
    else if (text.startsWith('{"type":"reply"')) this.#reply(numberAfter(text, '"id":'), text);
    else if (text.startsWith('{"type":"error"')) this.#refused(numberAfter(text, '"id":'), text);
    this.#options.changed(this);
  }

  #back(): void {
    this.synced = true;
    this.acknowledges = true;
    this.syncedAt = Date.now();
    for (const id of this.#pending.keys()) this.#post(id);
  }

  #reply(id: number, text: string): void {
    if (id === 1) this.#greetedAt = Date.now();
    else if (this.#pending.delete(id)) this.#hold(numberAfter(text, '"seq":'), true);
  }

  #refused(id: number, text: string): void {
    if (!text.includes('"unavailable"')) return this.#options.problem(text.slice(0, 200));
    if (id > 1) setTimeout(() => this.#post(id), 500);
  }

  /** A reply may run ahead of the events before it; an event may not. */
  #hold(seq: number, reply: boolean): void {
    if (seq <= this.held) {
      if (!reply) this.again++;
      return;
    }
    if (seq > this.held + 1) {
      if (reply) this.#ahead.add(seq);
      else this.#options.problem(`position ${seq} after ${this.held}`);
    } else this.held = seq;
    while (this.#ahead.delete(this.held + 1)) this.held++;
  }
}

function numberAfter(text: string, mark: string): number {
  const at = text.indexOf(mark);
  return at < 0 ? 0 : Number.parseInt(text.slice(at + mark.length, at + mark.length + 15), 10);
}
