import { closeCodes } from '../../../protocol/codes.ts';
import type { ModelStore } from '../../store/model-store.ts';
import type { Device } from './device.ts';
import type { World } from './world.ts';

/** A message a device wants to send, and the answer it got. */
export interface Sent {
  readonly conversationId: string;
  readonly clientId: string;
  readonly deviceId: string;
  readonly mls: string;
  answer: { readonly seq: number; readonly sentAt: string } | undefined;
}

/** Reconnecting after these is the client's right; anything else tells an honest client that it did something wrong. */
const HONEST_CLOSES = new Set([1006, 4000, 4001, 4002]);

/** Knows what was sent and what is stored, and judges what devices see. */
export class Oracle {
  readonly #world: World;
  readonly #model: ModelStore;
  readonly conversationIds = new Set<string>();
  readonly devices: Device[] = [];
  readonly sends = new Map<string, Sent>();
  readonly #reads = new Map<string, { asked: number; stored: number }>();
  readonly closes = new Map<number, number>();
  deliveries = 0;

  constructor(world: World, model: ModelStore) {
    this.#world = world;
    this.#model = model;
  }

  heads(userId: string): Map<string, number> {
    const heads = new Map<string, number>();
    for (const id of this.conversationIds) {
      const conversation = this.#model.conversation(id);
      if (conversation?.members.has(userId) === true) heads.set(id, conversation.log.length);
    }
    return heads;
  }

  acknowledged(device: Device, sent: Sent, seq: number, sentAt: string): void {
    const entry = this.#model.conversation(sent.conversationId)?.log[seq - 1];
    if (entry?.clientId !== sent.clientId)
      this.#world.broken(`${device.name}: acknowledged as ${seq}, but not stored there`);
    if (sent.answer !== undefined && (sent.answer.seq !== seq || sent.answer.sentAt !== sentAt)) {
      this.#world.broken(
        `${device.name}: a retry was answered with ${seq} ${sentAt} after ${sent.answer.seq} ${sent.answer.sentAt}`,
      );
    }
    sent.answer = { seq, sentAt };
  }

  delivered(device: Device, conversationId: string, seq: number, body: Record<string, unknown>): void {
    this.deliveries++;
    const entry = this.#model.conversation(conversationId)?.log[seq - 1];
    if (entry === undefined) this.#world.broken(`${device.name}: entry ${seq} was delivered, but is not stored`);
    const same =
      entry.clientId === body.clientId && entry.mls === body.mls && entry.senderDeviceId === body.senderDeviceId;
    if (!same) this.#world.broken(`${device.name}: entry ${seq} is not what is stored`);
  }

  receipt(device: Device, body: Record<string, unknown>): void {
    const { conversationId, userId, deliveredSeq, readSeq } = body as {
      conversationId: string;
      userId: string;
      deliveredSeq: number;
      readSeq: number;
    };
    const stored = this.#model.conversation(conversationId)?.members.get(userId);
    const told =
      stored !== undefined &&
      deliveredSeq <= stored.deliveredSeq &&
      readSeq <= stored.readSeq &&
      readSeq <= deliveredSeq;
    if (!told) this.#world.broken(`${device.name}: marks were told before they were stored`);
  }

  reads(userId: string, conversationId: string, seq: number): void {
    const reads = this.#reads.get(userId + conversationId) ?? { asked: 0, stored: 0 };
    this.#reads.set(userId + conversationId, { ...reads, asked: Math.max(reads.asked, seq) });
  }

  readStored(userId: string, conversationId: string, seq: number): void {
    const stored = this.#model.conversation(conversationId)?.members.get(userId)?.readSeq ?? 0;
    if (stored < seq) this.#world.broken(`a read mark of ${seq} was answered, but ${stored} is stored`);
    const reads = this.#reads.get(userId + conversationId) ?? { asked: seq, stored: 0 };
    this.#reads.set(userId + conversationId, { ...reads, stored: Math.max(reads.stored, seq) });
  }

  closed(device: Device, code: number, reason: string, sinceLastEnd: number): void {
    this.#world.note(`${device.name} is closed with ${code} ${reason}`);
    this.closes.set(code, (this.closes.get(code) ?? 0) + 1);
    // The hello of an abandoned connection may reach the database after that of its successor, and displace it.
    if (code === closeCodes.displaced && sinceLastEnd < 10_000) return;
    if (!HONEST_CLOSES.has(code)) this.#world.broken(`${device.name}: closed with ${code} ${reason}`);
  }

  /** Why things are not as they must be in the end; undefined if they are. */
  unfinished(): string | undefined {
    for (const sent of this.sends.values()) {
      if (sent.answer === undefined) return `a send of ${sent.deviceId.slice(0, 8)} has no answer`;
    }
    for (const id of this.conversationIds) {
      const conversation = this.#model.conversation(id);
      if (conversation === undefined) continue;
      const head = conversation.log.length;
      for (const device of this.devices) {
        const { userId, deviceId } = device.identity;
        const marks = conversation.members.get(userId);
        if (marks === undefined) continue;
        if (!device.ready || !device.synced) return `${device.name} is not connected or not in sync`;
        if (device.head(id) < head) return `${device.name} holds ${device.head(id)} of ${head} entries`;
        if (head > 0 && conversation.cursors.get(deviceId) !== head)
          return `${device.name}'s acknowledgement of ${head} is not stored`;
        if (marks.deliveredSeq !== head) return `the delivered mark is ${marks.deliveredSeq} of ${head}`;
      }
    }
    return undefined;
  }

  /** What must hold of the log itself when all is done. */
  verify(): void {
    for (const sent of this.sends.values()) {
      const log = this.#model.conversation(sent.conversationId)?.log ?? [];
      const copies = log.filter(({ clientId }) => clientId === sent.clientId);
      if (copies.length !== 1 || copies[0]?.seq !== sent.answer?.seq)
        this.#world.broken(`an acknowledged message is stored ${copies.length} times`);
    }
    for (const id of this.conversationIds) {
      const conversation = this.#model.conversation(id);
      if (conversation === undefined) continue;
      conversation.log.forEach(({ seq, clientId, sentAt }, i) => {
        if (seq !== i + 1) this.#world.broken(`the log has ${seq} in place ${i + 1}`);
        if (!this.sends.has(clientId)) this.#world.broken('the log holds what nobody sent');
        if (sentAt < (conversation.log[i - 1]?.sentAt ?? 0)) this.#world.broken('sentAt fell');
      });
      for (const [userId, { readSeq }] of conversation.members) {
        const sent =
          conversation.log.findLast(({ senderDeviceId }) =>
            this.devices.some(({ identity }) => identity.userId === userId && identity.deviceId === senderDeviceId),
          )?.seq ?? 0;
        const { asked = 0, stored = 0 } = this.#reads.get(userId + id) ?? {};
        if (readSeq < Math.max(sent, stored) || readSeq > Math.max(sent, asked))
          this.#world.broken(`a read mark is ${readSeq}, not between ${stored} and ${asked}`);
      }
    }
  }
}
