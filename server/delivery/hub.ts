import { closeCodes } from '../../protocol/codes.ts';
import type { Bus, BusMessage, ControlMessage } from '../bus/bus.ts';
import type { Identity } from '../store/store.ts';
import type { Outbox } from './outbox.ts';

/** A connection that has said hello. */
export interface Connection extends Identity {
  /** 0 until hello gave it one. */
  readonly connectionNo: number;
  /** The highest number that a connection of this device is known to have. */
  newestNo: number;
  /** It spoke a while after hello's reply: so it has that, and what it was told right behind it. */
  readonly heard: boolean;
  readonly outbox: Outbox;
  /** Ends it with a close code of the contract. */
  close(code: number, reason: string): void;
}

export interface OutboxDepths {
  /** Entries that were written and not yet acknowledged. */
  readonly unacknowledged: number;
  /** Connections that are to be sent entries which must first be read from the log. */
  readonly behind: number;
  /** Connections whose socket takes no more for now. */
  readonly congested: number;
}

/** The live connections of this instance by user, and the way from something that happened to all who are to know. */
export class Hub {
  readonly #bus: Bus;
  /** The arrays are never changed but replaced: closing a connection in the middle of a walk does no harm. */
  readonly #users = new Map<string, readonly Connection[]>();
  #size = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
    bus.listen({ message: (userId, message) => this.#local(userId, message), doubt: (since) => this.#doubt(since) });
  }

  /** From when on states may have been missed that nobody here was told again yet: no device has heard everything. */
  missedSince: number | undefined;

  missed(since: number): void {
    this.missedSince = Math.min(this.missedSince ?? since, since);
  }

  #doubt(since: number | undefined): void {
    if (since !== undefined) this.missed(since);
    this.onDoubt();
  }

  /** Set by the position check: every outbox must look at PostgreSQL. */
  onDoubt: () => void = () => {};

  /** Set by the mailbox: something waits for the device of this connection. */
  onWake: (connection: Connection) => void = () => {};

  get size(): number {
    return this.#size;
  }

  /** What all outboxes together still have to do; walks over every connection. */
  depths(): OutboxDepths {
    let unacknowledged = 0;
    let behind = 0;
    let congested = 0;
    for (const { outbox } of this.connections()) {
      unacknowledged += outbox.unacknowledged;
      if (outbox.behind) behind++;
      if (outbox.congested) congested++;
    }
    return { unacknowledged, behind, congested };
  }

  get doubtful(): boolean {
    return this.#bus.doubtful;
  }

  connections(): Iterable<Connection> {
    return iterate(this.#users);
  }

  /** Resolves once everything published for the user reaches `connection`. The caller removes it in any case. */
  async add(connection: Connection): Promise<void> {
    const known = this.#users.get(connection.userId);
    // Nearly everybody has one connection, and a list made by spreading keeps room for sixteen more.
    this.#users.set(connection.userId, known === undefined ? [connection] : [...known, connection]);
    this.#size++;
    await this.#bus.subscribe(connection.userId);
  }

  remove(connection: Connection): void {
    const known = this.#users.get(connection.userId);
    if (known?.includes(connection) !== true) return;
    this.#size--;
    const others = known.filter((other) => other !== connection);
    if (others.length === 0) this.#users.delete(connection.userId);
    else this.#users.set(connection.userId, others);
    this.#bus.unsubscribe(connection.userId);
  }

  /**
   * A stored entry, to every device of every member. `origin`: the connection whose reply takes the event's place.
   * True if it was for other connections of this instance.
   */
  entry(userIds: readonly string[], conversationId: string, seq: number, frame: string, origin?: Connection): boolean {
    let here = false;
    for (const userId of userIds) {
      const connections = this.#users.get(userId);
      if (connections === undefined) continue;
      for (const connection of connections) {
        if (connection === origin) connection.outbox.own(conversationId, seq);
        else {
          connection.outbox.offer(conversationId, seq, frame);
          here = true;
        }
      }
    }
    this.#bus.publish(userIds, { class: 'durable', conversationId, seq, frame });
    return here;
  }

  /** An absolute value; only the latest per key matters. */
  state(userIds: readonly string[], key: string, frame: string): void {
    this.#tell(userIds, { class: 'state', key, frame });
  }

  ephemeral(userIds: readonly string[], key: string, frame: string): void {
    this.#tell(userIds, { class: 'ephemeral', key, frame });
  }

  /** Closes the sockets of sessions that ended, on every instance. */
  end(userId: string, sessionIds: readonly string[], code: number, reason: string): void {
    this.#tell([userId], { class: 'control', control: { kind: 'ended', sessionIds, code, reason } });
  }

  /** Closes older connections of a device, on every instance. */
  displace(userId: string, deviceId: string, connectionNo: number): void {
    this.#tell([userId], { class: 'control', control: { kind: 'displaced', deviceId, connectionNo } });
  }

  /** Something besides the logs waits for these devices of these users. */
  wake(userIds: readonly string[], deviceIds: readonly string[]): void {
    this.#tell(userIds, { class: 'control', control: { kind: 'wake', deviceIds } });
  }

  #tell(userIds: readonly string[], message: BusMessage): void {
    for (const userId of userIds) this.#local(userId, message);
    this.#bus.publish(userIds, message);
  }

  #local(userId: string, message: BusMessage): void {
    const connections = this.#users.get(userId);
    if (connections === undefined) return;
    for (const connection of connections) this.#deliver(connection, message);
  }

  #deliver(connection: Connection, message: BusMessage): void {
    switch (message.class) {
      case 'durable':
        return connection.outbox.offer(message.conversationId, message.seq, message.frame);
      case 'state':
        return connection.outbox.state(message.key, message.frame);
      case 'ephemeral':
        return connection.outbox.ephemeral(message.frame);
      case 'control':
        return this.#control(connection, message.control);
    }
  }

  #control(connection: Connection, control: ControlMessage['control']): void {
    switch (control.kind) {
      case 'ended':
        if (control.sessionIds.includes(connection.sessionId)) connection.close(control.code, control.reason);
        return;
      case 'displaced':
        if (control.deviceId !== connection.deviceId) return;
        return newerIs(connection, control.connectionNo);
      case 'wake':
        if (control.deviceIds.includes(connection.deviceId)) this.onWake(connection);
    }
  }
}

/** Whether all that changed until about a minute ago has reached it, so that it need not be told again. */
export const isHere = ({ heard, outbox }: Connection): boolean => heard && !outbox.congested;

/** A connection of this device has this number: an older one is displaced. */
export function newerIs(connection: Connection, connectionNo: number): void {
  connection.newestNo = Math.max(connection.newestNo, connectionNo);
  // One that has no number yet may well get a higher one: it compares when it has it.
  if (connection.connectionNo > 0 && connection.connectionNo < connectionNo)
    connection.close(closeCodes.displaced, 'displaced');
}

function* iterate(users: ReadonlyMap<string, readonly Connection[]>): Generator<Connection> {
  for (const connections of users.values()) yield* connections;
}
