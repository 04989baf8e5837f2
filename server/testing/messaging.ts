import * as v from 'valibot';
import type { EventBody, EventType, Reply, RequestInput, RequestType } from '../../protocol/index.ts';
import { uuid } from '../../protocol/scalars.ts';
import { type Bus, createLocalBus } from '../bus/bus.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Handlers } from '../handlers/handler.ts';
import { createLimits, type Limits } from '../limits/limits.ts';
import type { SendResult, Socket } from '../listen/transport.ts';
import { createLog } from '../log.ts';
import { createMessaging, type Messaging } from '../messaging.ts';
import type { Session, Ticket } from '../socket/session.ts';
import { type Gate, openGate } from '../store/gate.ts';
import type { Identity } from '../store/store.ts';
import { createStores } from '../store/stores.ts';

interface Frame {
  readonly type: string;
  readonly id?: number;
  readonly body?: unknown;
  readonly code?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A refusal as a client sees it. */
export class Refused extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(frame: Frame) {
    super(frame.code);
    this.code = frame.code ?? '';
    this.details = frame.details;
  }
}

/** The two ends of a socket in one object: the server writes to it, the test reads what came, in order. */
export class TestClient implements Socket {
  readonly remoteAddress = '127.0.0.1';
  readonly frames: Frame[] = [];
  closed: { code: number; reason: string } | undefined;
  /** What the server is told of its sends; a reader that doesn't read is `queued`. */
  result: SendResult = 'sent';
  readonly #session: Session;
  readonly #waiting: {
    test: (frame: Frame) => boolean;
    resolve: (frame: Frame) => void;
    reject: (error: Error) => void;
  }[] = [];
  #id = 0;

  constructor(messaging: Messaging) {
    this.#session = messaging.lobby.accept(this);
  }

  send(frame: string): SendResult {
    if (this.closed !== undefined) return 'dropped';
    const parsed: Frame = JSON.parse(frame);
    const waiter = this.#waiting.findIndex(({ test }) => test(parsed));
    if (waiter === -1) this.frames.push(parsed);
    else this.#waiting.splice(waiter, 1)[0]?.resolve(parsed);
    return this.result;
  }

  cork(write: () => void): void {
    write();
  }

  end(code: number, reason: string): void {
    this.closed = { code, reason };
    this.#session.close(code);
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(`closed with ${code} ${reason}`));
    this.#onClose?.();
  }

  #onClose: (() => void) | undefined;

  /** The peer goes away. */
  leave(): void {
    this.closed = { code: 1006, reason: '' };
    this.#session.close(1006);
  }

  drain(): void {
    this.result = 'sent';
    this.#session.drain();
  }

  raw(text: string): void {
    this.#session.message(text, Buffer.byteLength(text));
  }

  binary(bytes: number): void {
    this.#session.message(null, bytes);
  }

  notify(type: string, body: unknown): void {
    this.raw(JSON.stringify({ type, body }));
  }

  /** Sends without waiting. */
  post<Type extends RequestType>(type: Type, body: RequestInput<Type>): Promise<Reply<Type>> {
    const id = ++this.#id;
    const reply = this.#take((frame) => frame.id === id).then((frame) => {
      if (frame.type === 'error') throw new Refused(frame);
      return frame.body as Reply<Type>;
    });
    this.raw(JSON.stringify({ id, type, body }));
    return reply;
  }

  request = this.post;

  /** The next event of a type that was not taken yet, come or to come. */
  async event<Type extends EventType>(type: Type): Promise<EventBody<Type>> {
    return (await this.#take((frame) => frame.type === type)).body as EventBody<Type>;
  }

  /** Resolves with the close code. */
  async ended(): Promise<{ code: number; reason: string }> {
    if (this.closed === undefined) await new Promise<void>((resolve) => (this.#onClose = resolve));
    return this.closed ?? { code: 0, reason: '' };
  }

  #take(test: (frame: Frame) => boolean): Promise<Frame> {
    const found = this.frames.findIndex(test);
    const [frame] = found === -1 ? [] : this.frames.splice(found, 1);
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.closed !== undefined) return Promise.reject(new Error(`closed with ${this.closed.code}`));
    return new Promise((resolve, reject) => this.#waiting.push({ test, resolve, reject }));
  }
}

/** One instance's messaging over a real database, with sockets that are plain objects. A token is an identity as JSON. */
export function startMessaging(options: {
  url: string;
  bus?: Bus;
  clock?: Clock;
  requireMls?: boolean;
  limitFactor?: number;
  people?: (gate: Gate, limits: Limits) => Partial<Handlers>;
  verifyToken?: (token: string) => Promise<Ticket | undefined>;
}) {
  const gate = openGate(options.url);
  const limits = createLimits({ factor: options.limitFactor ?? 1 });
  const counts = { unknownNotifications: 0 };
  const { clock = systemClock } = options;
  const messaging = createMessaging({
    stores: createStores(gate),
    limits,
    bus: options.bus ?? createLocalBus(),
    clock,
    log: createLog('silent'),
    metrics: {
      entered() {},
      closed() {},
      started() {},
      answered() {},
      unknownNotification: () => counts.unknownNotifications++,
    },
    requireMls: options.requireMls ?? false,
    people: options.people?.(gate, limits) ?? {},
    verifyToken:
      options.verifyToken ??
      (async (token) => {
        const identity = parseIdentity(token);
        return identity && { ...identity, expiresAt: clock.now() + 900_000 };
      }),
    logId: () => '00000000-0000-4000-8000-000000000000',
  });
  return {
    ...messaging,
    gate,
    counts,
    stranger: () => new TestClient(messaging),
    async connect(identity: Identity): Promise<TestClient> {
      const client = new TestClient(messaging);
      await client.request('hello', { token: JSON.stringify(identity) });
      return client;
    },
    async [Symbol.asyncDispose]() {
      messaging.lobby.endAll('draining');
      messaging.stop();
      await messaging.receipts.flush();
      await gate.close();
    },
  };
}

const identitySchema = v.pipe(v.string(), v.parseJson(), v.object({ userId: uuid, deviceId: uuid, sessionId: uuid }));

function parseIdentity(token: string): Identity | undefined {
  const parsed = v.safeParse(identitySchema, token);
  return parsed.success ? parsed.output : undefined;
}
