import * as v from 'valibot';
import type { CloseName } from '../../protocol/codes.ts';
import type { Conversation, RequestBody } from '../../protocol/index.ts';
import { HELLO_REPLY_MS } from '../../protocol/scalars.ts';
import { hello } from '../../protocol/session.ts';
import type { Clock } from '../clock.ts';
import type { Connection, Hub } from '../delivery/hub.ts';
import type { Loader } from '../delivery/loader.ts';
import type { Flusher } from '../delivery/writer.ts';
import type { RequestError } from '../errors.ts';
import type { Context } from '../handlers/handler.ts';
import { Places } from '../listen/places.ts';
import type { AdmitSocket, Socket } from '../listen/transport.ts';
import type { Log } from '../log.ts';
import type { ConnectionStore, ConversationStore, Identity, Position } from '../store/store.ts';
import { badRequest, type Desk, takeNotification } from './dispatch.ts';
import { Session } from './session.ts';
import { Turns } from './turns.ts';

const MAX_GREETING = 2_000;
const MAX_GREETING_PER_ADDRESS = 50;
/** Two full batches of each question that a hello asks (server/store/joined.ts): PostgreSQL is never left without work. */
const MAX_ENTERING = 500;
/** While the first in the queue has waited this long, nobody else is let in: they would wait in vain. */
const MAX_DELAY_MS = HELLO_REPLY_MS / 2;
const MAX_CHANGES = 200;
/**
 * That a device is here is written every 40 s, and when it leaves; what changed shortly before is told again. More than the
 * time after which a dead connection is noticed, since what was written to that is lost.
 */
const CHANGE_MARGIN_MS = 120_000;

/** Counters of connections and requests; see server/metrics.ts for what becomes of them. */
export interface SocketMetrics {
  entered(): void;
  closed(code: number): void;
  started(type: string): void;
  answered(type: string, code: string): void;
  unknownNotification(): void;
}

export interface LobbyOptions extends Desk {
  readonly hub: Hub;
  readonly loader: Loader;
  readonly clock: Clock;
  readonly flusher: Flusher;
  readonly connections: ConnectionStore;
  readonly conversations: ConversationStore;
  readonly log: Log;
  readonly metrics: SocketMetrics;
  /** A backlog could not be read; it is tried again. */
  failed(error: unknown): void;
  logId(): string;
  accountKeyHead(userId: string): Promise<{ version: number; hash: string } | undefined>;
  /** Called once a connection has its hello's reply: what waits for the device besides the log. */
  welcomed(connection: Connection, write: (frame: string) => void): void;
}

/** Where connections are before they have said hello, and what all of them share. */
export class Lobby {
  readonly hub: Hub;
  readonly loader: Loader;
  readonly clock: Clock;
  readonly flusher: Flusher;
  readonly connections: ConnectionStore;
  readonly log: Log;
  readonly metrics: SocketMetrics;
  readonly handlers;
  /** Whose token is good waits for a turn to be let in; by session. */
  readonly turns: Turns<Session>;
  readonly #options: LobbyOptions;
  /** Each with its address, until it is known who is there. */
  readonly #sessions = new Map<Session, string | undefined>();
  readonly #strangers = new Places(MAX_GREETING, MAX_GREETING_PER_ADDRESS);
  #cancel: () => void = () => {};

  constructor(options: LobbyOptions) {
    this.#options = options;
    this.hub = options.hub;
    this.loader = options.loader;
    this.clock = options.clock;
    this.flusher = options.flusher;
    this.connections = options.connections;
    this.log = options.log;
    this.metrics = options.metrics;
    this.handlers = options.handlers;
    this.turns = new Turns({ most: MAX_ENTERING, lateAfterMs: HELLO_REPLY_MS, clock: options.clock });
    this.#tick();
  }

  get notificationHandlers() {
    return this.#options.notificationHandlers;
  }

  /** A bounded number of strangers, in all and from one address; nobody who would wait in vain. */
  readonly admit: AdmitSocket = ({ remoteAddress }) => {
    if (this.turns.delayMs >= MAX_DELAY_MS) return { status: 503, retryAfterMs: 5_000 };
    return this.#strangers.hasRoom(remoteAddress) ? undefined : { status: 503, retryAfterMs: 1_000 };
  };

  accept(socket: Socket): Session {
    const session = new Session(socket, this);
    this.#sessions.set(session, socket.remoteAddress);
    this.#strangers.take(socket.remoteAddress);
    return session;
  }

  /** A session said hello, or went without: its address has room for another stranger. */
  known(session: Session): void {
    const address = this.#sessions.get(session);
    if (address === undefined) return;
    this.#sessions.set(session, undefined);
    this.#strangers.giveBack(address);
  }

  leave(session: Session): void {
    this.known(session);
    this.#sessions.delete(session);
  }

  get sessions(): Iterable<Session> {
    return this.#sessions.keys();
  }

  get size(): number {
    return this.#sessions.size;
  }

  readHello(body: unknown): RequestBody<'hello'> | RequestError {
    const parsed = v.safeParse(hello.body, body, { abortEarly: true });
    return parsed.success ? parsed.output : badRequest(parsed.issues[0]);
  }

  verifyToken(token: string) {
    return this.#options.verifyToken(token);
  }

  explain(error: unknown, type: string): RequestError {
    return this.#options.explain(error, type);
  }

  failed(error: unknown): void {
    this.#options.failed(error);
  }

  logId(): string {
    return this.#options.logId();
  }

  accountKeyHead(userId: string) {
    return this.#options.accountKeyHead(userId);
  }

  /** Not at hello: a device that was then told nothing must be told from where it really was. A loss means to tell more. */
  seen(deviceId: string): void {
    if (this.hub.missedSince !== undefined) return;
    this.connections.seen(deviceId).catch(() => {});
  }

  welcomed(connection: Connection, write: (frame: string) => void): void {
    this.#options.welcomed(connection, write);
  }

  /** False: the notification can't be what it says. */
  notify(type: string, body: unknown, context: Context): boolean {
    const result = takeNotification(this.#options.notificationHandlers, type, body, context);
    if (result === 'unknown') this.metrics.unknownNotification();
    return result !== 'bad';
  }

  /** Where a device stands in a conversation that began after its connection. */
  place(identity: Identity, conversationId: string): Promise<Position | undefined> {
    return this.connections.position(identity, conversationId);
  }

  /** What a device must be told besides the log. Who was never here lists its conversations anyway. */
  async changesSince(
    userId: string,
    lastSeenAt: Date | undefined,
  ): Promise<{ conversations: readonly Conversation[]; resync: boolean }> {
    if (lastSeenAt === undefined) return { conversations: [], resync: true };
    const since = new Date(lastSeenAt.getTime() - CHANGE_MARGIN_MS);
    const ids = await this.#options.conversations.changedSince(userId, since, MAX_CHANGES + 1);
    if (ids.length > MAX_CHANGES) return { conversations: [], resync: true };
    if (ids.length === 0) return { conversations: [], resync: false };
    return { conversations: await this.#options.conversations.byIds(userId, ids), resync: false };
  }

  /** Ends every connection. */
  endAll(name: CloseName): void {
    for (const session of [...this.#sessions.keys()]) session.end(name);
  }

  stop(): void {
    this.#cancel();
  }

  #tick(): void {
    const now = this.clock.now();
    for (const session of this.#sessions.keys()) session.tick(now);
    this.#cancel = this.clock.after(1_000, () => this.#tick());
  }
}
