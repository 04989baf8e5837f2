import { Counter, Trend } from 'k6/metrics';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import { WebSocket } from 'k6/websockets';
import { ownSeats, type Seat, seconds, setting } from './seats.ts';

/** From the moment a message was due to the event at its receiver, and to its reply; in ms. */
export const delivery = new Trend('delivery_ms', true);
export const replied = new Trend('reply_ms', true);
/** From the loss of a connection to `sync.done` on the next one. */
export const back = new Trend('back_ms', true);
export const opened = new Counter('connections_opened');
export const sentMessages = new Counter('messages_sent');
export const received = new Counter('messages_received');
export const retries = new Counter('retries');
/** Positions that came out of order, refusals, and closes that nobody asked for. */
export const faults = new Counter('faults');

declare const console: { warn(text: string): void };

/** About the half of the run, for tags. */
const middle = Date.now() + seconds * 500;
const MLS_CHARS = 342;
const ACK_MS = 20;
const PING_MS = 25_000;
/** Of each virtual user, and all of them open at the same time. */
export const OPEN_EVERY_MS = 20;
const TIME_DIGITS = 13;
const FILLER = 'QkJCQkJCQkJC'.repeat(40);

interface Frame {
  readonly type: string;
  readonly id?: number;
  readonly code?: string;
  readonly retryAfterMs?: number;
  readonly body: { readonly seq?: number; readonly mls?: string; readonly senderDeviceId?: string };
}

interface Pending {
  readonly clientId: string;
  readonly mls: string;
  /** When it was due; 0 if that was not while connected, so that it isn't timed. */
  readonly due: number;
}

/**
 * One device, as an SDK would behave: it resumes, sends again what was not answered, acknowledges together what came
 * within 20 ms, and knows which position must come next.
 */
export class Device {
  held = 0;
  readonly #seat: Seat;
  readonly #index: number;
  #socket: WebSocket | undefined;
  #synced = false;
  /** Has been in sync before. */
  #entered = false;
  #ended = false;
  #lostAt = 0;
  #tries = 0;
  #nextId = 1;
  #sent = 0;
  #acking = false;
  #pinging = 0;
  readonly #ahead = new Set<number>();
  readonly #pending = new Map<number, Pending>();
  /** A storm is no fault. */
  readonly #expectLoss: boolean;

  constructor(seat: Seat, index: number, expectLoss = false) {
    this.#seat = seat;
    this.#index = index;
    this.#expectLoss = expectLoss;
  }

  open(): void {
    const socket = new WebSocket(setting('URL'));
    this.#socket = socket;
    this.#synced = false;
    socket.onopen = () => {
      if (this.#ended) return socket.close();
      opened.add(1);
      this.#write({ id: this.#nextId++, type: 'hello', body: { token: this.#seat.token, client: 'k6' } });
    };
    socket.onmessage = (message) => this.#take(JSON.parse(String(message?.data)));
    socket.onerror = () => {};
    socket.onclose = () => this.#lost(socket);
  }

  /** Leaves and comes back, as a phone does. */
  reconnect(): void {
    this.#lostAt = Date.now();
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
    this.open();
  }

  end(): void {
    this.#ended = true;
    clearInterval(this.#pinging);
    // k6 hangs for good if a socket that is still connecting is closed; that one goes as soon as it is open.
    if (this.#socket?.readyState === 1) this.#socket.close();
  }

  get synced(): boolean {
    return this.#synced;
  }

  /** Open loop: `due` is when the schedule wanted it, whatever happened since. */
  send(due: number): void {
    const time = String(this.#synced ? due : 0).padStart(TIME_DIGITS, '0');
    const mls = `${(time + FILLER).slice(0, MLS_CHARS - 1)}A`;
    const n = (this.#sent++).toString(16).padStart(12, '0');
    const clientId = `${Number(setting('RUN')).toString(16).padStart(8, '0')}-${this.#index.toString(16).padStart(4, '0')}-7000-8000-${n}`;
    const id = this.#nextId++;
    this.#pending.set(id, { clientId, mls, due: this.#synced ? due : 0 });
    sentMessages.add(1);
    if (this.#synced) this.#post(id);
  }

  typing(on: boolean): void {
    if (this.#synced)
      this.#write({ type: 'typing.set', body: { conversationId: this.#seat.conversationId, typing: on } });
  }

  read(): void {
    if (!this.#synced || this.held === 0) return;
    this.#write({
      id: this.#nextId++,
      type: 'receipt.read',
      body: { conversationId: this.#seat.conversationId, seq: this.held },
    });
  }

  #post(id: number): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    const { clientId, mls } = pending;
    this.#write({
      id,
      type: 'message.send',
      body: { conversationId: this.#seat.conversationId, clientId, epoch: 0, mls },
    });
  }

  #fault(what: string): void {
    console.warn(`device ${this.#index}: ${what}`);
    faults.add(1);
  }

  #write(frame: object): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(frame));
  }

  #take(frame: Frame): void {
    const now = Date.now();
    if (frame.type === 'message.new') this.#entry(frame, now);
    else if (frame.type === 'reply') this.#reply(frame, now);
    else if (frame.type === 'sync.done') this.#sync(now);
    else if (frame.type === 'error') this.#refused(frame);
  }

  /** `unavailable` means unknown: the same bytes go again. Anything else is not expected here. */
  #refused(frame: Frame): void {
    const id = frame.id ?? 0;
    if (frame.code !== 'unavailable') return this.#fault(JSON.stringify(frame));
    retries.add(1);
    setTimeout(() => this.#synced && this.#post(id), frame.retryAfterMs ?? 500);
  }

  #sync(now: number): void {
    this.#synced = true;
    this.#entered = true;
    this.#tries = 0;
    if (this.#lostAt > 0) back.add(now - this.#lostAt);
    this.#lostAt = 0;
    for (const id of this.#pending.keys()) this.#post(id);
    clearInterval(this.#pinging);
    this.#pinging = setInterval(() => this.#write({ id: this.#nextId++, type: 'ping', body: {} }), PING_MS);
  }

  #reply(frame: Frame, now: number): void {
    const pending = this.#pending.get(frame.id ?? 0);
    if (pending === undefined) return;
    this.#pending.delete(frame.id ?? 0);
    if (pending.due > 0) replied.add(now - pending.due);
    this.#hold(frame.body.seq ?? 0, true);
  }

  #entry(frame: Frame, now: number): void {
    received.add(1);
    const due = Number(frame.body.mls?.slice(0, TIME_DIGITS));
    if (this.#synced && due > 0) delivery.add(now - due, { half: now < middle ? 'first' : 'second' });
    this.#hold(frame.body.seq ?? 0, false);
  }

  /** A reply may run ahead of the events before it; an event may not. */
  #hold(seq: number, reply: boolean): void {
    if (seq > this.held + 1) {
      if (reply) this.#ahead.add(seq);
      else this.#fault(`position ${seq} after ${this.held}`);
    }
    if (seq === this.held + 1 || (seq > this.held && !reply)) this.held = seq;
    while (this.#ahead.delete(this.held + 1)) this.held++;
    if (this.#acking) return;
    this.#acking = true;
    setTimeout(() => {
      this.#acking = false;
      if (this.#synced)
        this.#write({ type: 'ack', body: { conversationId: this.#seat.conversationId, seq: this.held } });
    }, ACK_MS);
  }

  #lost(socket: WebSocket): void {
    if (socket !== this.#socket || this.#ended) return;
    // Refused before it was a connection: a full server says 503, and the client comes again.
    if (!this.#expectLoss && this.#synced) this.#fault('closed by the server');
    this.#synced = false;
    if (this.#lostAt === 0 && this.#entered) this.#lostAt = Date.now();
    const wait = Math.min(2000, 100 * 2 ** this.#tries++) * (0.5 + Math.random() / 2);
    setTimeout(() => this.#ended || this.open(), wait);
  }
}

/** The devices of the virtual user that asks. */
export const ownDevices = (expectLoss = false): Device[] =>
  ownSeats().map(({ seat, index }) => new Device(seat, index, expectLoss));

/** Opens devices at a bounded pace, and calls back when all of them are in sync. */
export function openAll(devices: readonly Device[], then: () => void): void {
  let next = 0;
  const opening = setInterval(() => {
    devices[next++]?.open();
    if (next < devices.length || !devices.every((device) => device.synced)) return;
    clearInterval(opening);
    then();
  }, OPEN_EVERY_MS);
}

export function endAll(devices: readonly Device[]): void {
  for (const device of devices) device.end();
}
