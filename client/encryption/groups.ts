import { conversationEpoch } from '../../protocol/epoch.ts';
import { equalBytes } from '../e2ee/bytes.ts';
import { directConversationId } from '../e2ee/direct-id.ts';
import type { E2eeEngine, GroupState, Spent } from '../e2ee/engine.ts';
import type { Emitter } from '../emitter.ts';
import { readOne } from '../records.ts';
import type { Change } from '../store.ts';
import type { EncryptionEvents } from './events.ts';
import type { CodecHost } from './host.ts';
import { blocked } from './problem.ts';
import {
  type GroupRecord,
  groupRecord,
  keys,
  type PendingCommit,
  pendingRecord,
  put,
  stateOf,
  stateText,
  type Unsafe,
} from './records.ts';

/** What this device knows of a conversation's group. A value: a step makes the next one. */
export interface Group {
  readonly generation: number;
  /** Absent while this device is not in the group. */
  readonly state: GroupState | undefined;
  /** The only users whose devices may be in it. */
  readonly users: readonly string[];
  readonly unsafe: Unsafe | undefined;
  /** The conversation's epoch at which this device came in. */
  readonly joined: number;
  readonly sent: number;
  readonly renewedAt: number;
  /** How often a device has come into the group: with the same number nobody reads who did not before. Never falls. */
  readonly grown: number;
}

/** The conversation's epoch that the state is at; 0 without one. */
export const epochOf = ({ generation, state }: Group): number =>
  state === undefined ? 0 : conversationEpoch(generation, state.epoch);

/** The groups of all conversations, in memory as they are in the store. Everything here is called in the conversation's turn. */
export class Groups {
  readonly #host: CodecHost;
  readonly #engine: E2eeEngine;
  readonly #emitter: Emitter<EncryptionEvents>;
  readonly #known = new Map<string, Group>();
  readonly #pending = new Map<string, PendingCommit | undefined>();
  readonly #spent = new Map<string, Spent>();

  constructor(host: CodecHost, engine: E2eeEngine, emitter: Emitter<EncryptionEvents>) {
    this.#host = host;
    this.#engine = engine;
    this.#emitter = emitter;
  }

  async get(conversationId: string): Promise<Group> {
    // Whoever has the turn now knows that the last step is in the store.
    this.#spent.get(conversationId)?.erase();
    this.#spent.delete(conversationId);
    const known = this.#known.get(conversationId);
    if (known !== undefined) return known;
    const group = await this.#read(conversationId);
    this.#known.set(conversationId, group);
    return group;
  }

  /** Remembers a group's next value and returns the changes that keep it; the caller stores them before the turn ends. */
  next(conversationId: string, group: Group, spent?: Spent): Change[] {
    const before = this.#known.get(conversationId);
    const grown = (before?.grown ?? group.grown) + (this.#hasGrown(before, group) ? 1 : 0);
    this.#known.set(conversationId, { ...group, grown });
    if (spent) this.#spent.set(conversationId, spent);
    const { state, unsafe, users, generation, joined, sent, renewedAt } = group;
    const record: GroupRecord = {
      generation,
      users: [...users],
      joined,
      sent,
      renewedAt,
      grown,
      ...(state === undefined ? {} : { state: stateText(this.#engine, state) }),
      ...(unsafe === undefined ? {} : { unsafe }),
    };
    return [put(keys.group(conversationId), record)];
  }

  /** True if a device is in the group that was not in the one before, of which nothing may be known. */
  #hasGrown(before: Group | undefined, { state, generation }: Group): boolean {
    if (state === undefined) return false;
    const earlier = before?.state;
    if (earlier === undefined) return true;
    if (generation === before?.generation && state.epoch === earlier.epoch) return false;
    const known = this.#engine.members(earlier);
    return !this.#engine
      .members(state)
      .every(({ deviceId, signatureKey }) =>
        known.some((old) => old.deviceId === deviceId && equalBytes(old.signatureKey, signatureKey)),
      );
  }

  async pending(conversationId: string): Promise<PendingCommit | undefined> {
    if (!this.#pending.has(conversationId)) {
      this.#pending.set(conversationId, await readOne(this.#host.store, pendingRecord, keys.pending(conversationId)));
    }
    return this.#pending.get(conversationId);
  }

  setPending(conversationId: string, pending: PendingCommit | undefined): Change[] {
    this.#pending.set(conversationId, pending);
    return [pending === undefined ? { key: keys.pending(conversationId) } : put(keys.pending(conversationId), pending)];
  }

  /** Nothing is sent in it, and the application is told. */
  distrust(conversationId: string, group: Group, reason: Unsafe): Change[] {
    if (group.unsafe === undefined) this.#emitter.emit('unsafe', { conversationId, reason });
    return this.next(conversationId, { ...group, unsafe: reason });
  }

  /** All conversations of which there is a group here. */
  async all(): Promise<string[]> {
    const kept = await this.#host.store.list({ prefix: keys.groups });
    return kept.map(({ key }) => key.slice(keys.groups.length));
  }

  /**
   * Who may be in a conversation's group: the two users it was opened with, whatever is said later. The server's word for
   * who they are counts only where the conversation's id, which is derived from the two, bears it out.
   */
  async usersOf(conversationId: string, group: Group): Promise<readonly string[]> {
    if (group.users.length > 0) return group.users;
    const conversation =
      this.#host.conversation(conversationId) ??
      (await this.#host.request('conversation.get', { conversationId })).conversation;
    const users = conversation.members.map(({ userId }) => userId);
    const me = this.#host.me().userId;
    const [other, ...more] = users.filter((userId) => userId !== me);
    const isOfTwo = users.length === 2 && other !== undefined && more.length === 0;
    if (conversation.kind !== 'direct' || !isOfTwo || directConversationId(me, other) !== conversationId)
      throw blocked('conversation_unsafe', 'Only a conversation of two people is encrypted, and this is none.');
    return users;
  }

  async #read(conversationId: string): Promise<Group> {
    const record = await readOne(this.#host.store, groupRecord, keys.group(conversationId));
    if (record === undefined)
      return {
        generation: 0,
        state: undefined,
        users: [],
        unsafe: undefined,
        joined: 0,
        sent: 0,
        renewedAt: 0,
        grown: 0,
      };
    const { state, unsafe, ...rest } = record;
    return { ...rest, unsafe, state: state === undefined ? undefined : stateOf(this.#engine, state) };
  }
}
