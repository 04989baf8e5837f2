import { eventFrame } from '../delivery/frames.ts';
import type { Connection } from '../delivery/hub.ts';
import { Outbox, type OutboxHost } from '../delivery/outbox.ts';
import type { Writer } from '../delivery/writer.ts';
import type { Context } from '../handlers/handler.ts';
import type { Log } from '../log.ts';
import type { Identity, Position } from '../store/store.ts';
import type { Lobby } from './lobby.ts';
import type { Session } from './session.ts';

/**
 * A connection that said hello: what delivery and handlers know it by. There are very many of these, nearly all of them
 * idle, so it is its own context and its outbox's host, without a closure.
 */
export class Member implements Connection, Context, OutboxHost {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
  readonly writer: Writer;
  readonly outbox: Outbox;
  connectionNo = 0;
  newestNo = 0;
  heard = false;
  /** Too much changed while the device was away: it is to list its conversations again. */
  resync = false;
  readonly #session: Session;
  readonly #lobby: Lobby;

  constructor(identity: Identity, session: Session, lobby: Lobby, writer: Writer) {
    this.userId = identity.userId;
    this.deviceId = identity.deviceId;
    this.sessionId = identity.sessionId;
    this.#session = session;
    this.#lobby = lobby;
    this.writer = writer;
    this.outbox = new Outbox(this);
  }

  get connection(): Connection {
    return this;
  }

  get log(): Log {
    return this.#lobby.log.child({ userId: this.userId, deviceId: this.deviceId });
  }

  get loader() {
    return this.#lobby.loader;
  }

  get clock() {
    return this.#lobby.clock;
  }

  close(code: number, reason: string): void {
    this.#session.closeWith(code, reason);
  }

  place(conversationId: string): Promise<Position | undefined> {
    return this.#lobby.place(this, conversationId);
  }

  failed(error: unknown): void {
    this.#lobby.failed(error);
  }

  overflow(): void {
    this.#session.overflow();
  }

  synced(): void {
    this.writer.write(eventFrame('sync.done', this.resync ? { resync: true } : {}));
  }
}
