import type { ErrorCode } from '../../protocol/codes.ts';
import type { MessageEntry, RequestInput, StoredMessage } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import { uuidv7 } from '../ids.ts';
import type { Accept } from './sim-network.ts';

interface Device {
  readonly userId: string;
  readonly deviceId: string;
  readonly cursors: Map<string, number>;
}

interface Room {
  readonly id: string;
  readonly members: Map<string, { deliveredSeq: number; readSeq: number }>;
  /** What was sent, for oracles also after it was deleted. */
  readonly log: StoredMessage[];
  readonly deleted: Set<number>;
  searchOnServer: boolean;
  expireAfterMs: number | null;
}

interface Live {
  readonly device: Device;
  send(frame: unknown): void;
}

interface Fault {
  /** Answers a send with this code instead, after or without storing it. */
  readonly code?: ErrorCode;
  readonly stored?: boolean;
}

/**
 * The contract in memory, as far as conversations go: what a client can rely on, and nothing it can't. Replies and
 * events are only put on their way; the test decides what arrives when. The token of a device is its id.
 */
export class ModelServer {
  logId: string;
  rooms = new Map<string, Room>();
  devices = new Map<string, Device>();
  /** Asked for each send and deletion. */
  fault: () => Fault = () => ({});
  /** Asked for each event of an entry: true loses it, as a bus may. */
  loses: () => boolean = () => false;
  readonly acks: { deviceId: string; conversationId: string; seq: number }[] = [];
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #live = new Set<Live>();

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.logId = this.id();
  }

  id(): string {
    return uuidv7(
      this.#clock.now(),
      Uint8Array.from({ length: 10 }, () => this.#random() * 256),
    );
  }

  addDevice(userId = this.id()): Device {
    const device = { userId, deviceId: this.id(), cursors: new Map<string, number>() };
    for (const room of this.rooms.values()) {
      const marks = room.members.get(userId);
      if (marks !== undefined) device.cursors.set(room.id, marks.deliveredSeq);
    }
    this.devices.set(device.deviceId, device);
    return device;
  }

  addRoom(...userIds: string[]): string {
    const id = this.id();
    this.rooms.set(id, {
      id,
      log: [],
      deleted: new Set(),
      searchOnServer: false,
      expireAfterMs: null,
      members: new Map(userIds.map((user) => [user, { deliveredSeq: 0, readSeq: 0 }])),
    });
    return id;
  }

  backup(): () => void {
    const copy = structuredClone({ rooms: this.rooms, devices: this.devices });
    return () => {
      this.logId = this.id();
      this.rooms = copy.rooms;
      this.devices = copy.devices;
    };
  }

  accept: Accept = (sendText, close) => {
    let live: Live | undefined;
    const send = (frame: unknown) => sendText(JSON.stringify(frame));
    return {
      text: (text) => {
        const frame: { id?: number; type: string; body: never } = JSON.parse(text);
        if (live === undefined) {
          const device = this.devices.get((frame.body as { token: string }).token);
          if (device === undefined) return close(4501, 'token_invalid');
          live = { device, send };
          this.#greet(live, frame.id);
          return;
        }
        if (frame.type === 'ack') return this.#ack(live, frame.body);
        this.#answer(live, frame.id ?? 0, frame.type, frame.body);
      },
      closed: () => {
        if (live !== undefined) this.#live.delete(live);
      },
    };
  };

  #greet(live: Live, id: number | undefined): void {
    const { userId, deviceId, cursors } = live.device;
    const limits = {
      maxFrameBytes: 163_840,
      maxInFlight: 64,
      windowEntries: 256,
      windowBytes: 1_048_576,
      pingEveryMs: 25_000,
      maxContentBytes: 65_536,
    };
    const body = { userId, deviceId, protocol: 1, serverTime: this.#time(), logId: this.logId, limits };
    live.send({ type: 'reply', id, body });
    for (const room of this.#roomsOf(userId)) {
      for (const entry of room.log.slice(cursors.get(room.id) ?? 0))
        live.send({ type: 'message.new', body: told(room, entry) });
    }
    live.send({ type: 'sync.done', body: {} });
    this.#live.add(live);
  }

  #answer(live: Live, id: number, type: string, body: never): void {
    const reply = (answer: unknown) => live.send({ type: 'reply', id, body: answer });
    const refuse = (code: ErrorCode) => live.send({ type: 'error', id, code, message: code });
    switch (type) {
      case 'ping':
        return reply({ serverTime: this.#time() });
      case 'conversation.list':
        return reply({ conversations: this.#roomsOf(live.device.userId).map((room) => this.#show(room, live)) });
      case 'conversation.get': {
        const room = this.rooms.get((body as { conversationId: string }).conversationId);
        return room === undefined ? refuse('not_found') : reply({ conversation: this.#show(room, live) });
      }
      case 'message.history': {
        const asked: RequestInput<'message.history'> = body;
        const room = this.rooms.get(asked.conversationId);
        if (room === undefined) return refuse('not_found');
        const { before = Number.POSITIVE_INFINITY, after = 0, limit = 50 } = asked;
        const found = room.log.filter(({ seq }) => seq > after && seq < before);
        const messages = asked.after === undefined ? found.slice(-limit) : found.slice(0, limit);
        return reply({ messages: messages.map((entry) => told(room, entry)), more: found.length > messages.length });
      }
      case 'conversation.update':
        return this.#update(live, body, reply, refuse);
      case 'message.delete': {
        const { conversationId, seq }: RequestInput<'message.delete'> = body;
        const room = this.rooms.get(conversationId);
        const entry = room?.log[seq - 1];
        if (room?.members.has(live.device.userId) !== true || entry === undefined) return refuse('not_found');
        if (entry.senderId !== live.device.userId) return refuse('forbidden');
        const { code, stored = false } = this.fault();
        if (code !== undefined && !stored) return refuse(code);
        const duplicate = room.deleted.has(seq);
        room.deleted.add(seq);
        return code === undefined ? reply({ duplicate }) : refuse(code);
      }
      case 'message.send':
        return this.#send(live, body, reply, refuse);
      case 'receipt.read': {
        const { conversationId, seq }: RequestInput<'receipt.read'> = body;
        this.#mark(conversationId, live.device.userId, seq, seq);
        return reply({});
      }
      default:
        refuse('unknown_type');
    }
  }

  #send(
    live: Live,
    body: RequestInput<'message.send'>,
    reply: (answer: unknown) => void,
    refuse: (code: ErrorCode) => void,
  ): void {
    const room = this.rooms.get(body.conversationId);
    const { userId, deviceId } = live.device;
    if (room?.members.has(userId) !== true) return refuse('not_found');
    const { code, stored = false } = this.fault();
    const known = room.log.find((entry) => entry.clientId === body.clientId && entry.senderDeviceId === deviceId);
    if (known !== undefined && known.mls !== body.mls) return refuse('idempotency_conflict');
    if (known === undefined && code !== undefined && !stored) return refuse(code);
    let entry = known;
    if (entry === undefined) {
      const { conversationId, clientId, epoch, mls, silent } = body;
      const seq = room.log.length + 1;
      entry = {
        conversationId,
        clientId,
        epoch,
        mls,
        seq,
        senderId: userId,
        senderDeviceId: deviceId,
        sentAt: this.#time(),
        ...(silent === true ? { silent } : {}),
      };
      room.log.push(entry);
      for (const other of this.#live) {
        if (other !== live && room.members.has(other.device.userId) && !this.loses())
          other.send({ type: 'message.new', body: entry });
      }
    }
    if (code !== undefined && known === undefined) return refuse(code);
    this.#mark(room.id, userId, entry.seq, entry.seq, false);
    reply({ seq: entry.seq, sentAt: entry.sentAt, duplicate: known !== undefined });
  }

  #update(
    live: Live,
    { conversationId, searchOnServer, expireAfterMs }: RequestInput<'conversation.update'>,
    reply: (answer: unknown) => void,
    refuse: (code: ErrorCode) => void,
  ): void {
    const room = this.rooms.get(conversationId);
    if (room?.members.has(live.device.userId) !== true) return refuse('not_found');
    room.searchOnServer = searchOnServer ?? room.searchOnServer;
    if (expireAfterMs !== undefined) room.expireAfterMs = expireAfterMs;
    for (const other of this.#live) {
      if (room.members.has(other.device.userId))
        other.send({ type: 'conversation.changed', body: { conversation: this.#show(room, other) } });
    }
    reply({ conversation: this.#show(room, live) });
  }

  #ack(live: Live, { conversationId, seq }: { conversationId: string; seq: number }): void {
    this.acks.push({ deviceId: live.device.deviceId, conversationId, seq });
    const room = this.rooms.get(conversationId);
    if (room === undefined || seq > room.log.length) throw new Error(`an ack above the head: ${seq}`);
    const { cursors, userId } = live.device;
    cursors.set(conversationId, Math.max(seq, cursors.get(conversationId) ?? 0));
    this.#mark(conversationId, userId, seq, 0);
  }

  #mark(conversationId: string, userId: string, deliveredSeq: number, readSeq: number, told = true): void {
    const room = this.rooms.get(conversationId);
    const marks = room?.members.get(userId);
    if (room === undefined || marks === undefined) return;
    const next = {
      deliveredSeq: Math.max(marks.deliveredSeq, deliveredSeq),
      readSeq: Math.max(marks.readSeq, readSeq),
    };
    room.members.set(userId, next);
    if (!told) return;
    for (const other of this.#live) {
      if (room.members.has(other.device.userId))
        other.send({ type: 'receipt.changed', body: { conversationId, userId, ...next } });
    }
  }

  #show(room: Room, live: Live) {
    const members = [...room.members].map(([userId, marks]) => {
      const username = `u${userId.slice(-12)}`;
      return { userId, username, displayName: username, ...marks };
    });
    const readSeq = room.members.get(live.device.userId)?.readSeq ?? 0;
    const lastAt = room.log.at(-1)?.sentAt ?? this.#time();
    return {
      id: room.id,
      kind: 'direct',
      members,
      lastSeq: room.log.length,
      epoch: 0,
      readSeq,
      unread: room.log.length - readSeq,
      accepted: true,
      lastAt,
      searchOnServer: room.searchOnServer,
      expireAfterMs: room.expireAfterMs,
    };
  }

  #roomsOf(userId: string): Room[] {
    return [...this.rooms.values()].filter((room) => room.members.has(userId));
  }

  #time(): string {
    return new Date(this.#clock.now()).toISOString();
  }
}

/** The entry as the server shows it. */
function told(room: Room, entry: StoredMessage): MessageEntry {
  if (!room.deleted.has(entry.seq)) return entry;
  const { mls: _, content: __, wrap: ___, ...rest } = entry;
  return { ...rest, deleted: true };
}
