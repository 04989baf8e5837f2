import { groupEpoch } from '../../protocol/epoch.ts';
import { groupIdBytes } from '../../protocol/identity.ts';
import type { CommitEntry, DeletedMessage, StoredMessage } from '../../protocol/index.ts';
import type { Decoded } from '../codec.ts';
import { equalBytes, fromBase64url } from '../e2ee/bytes.ts';
import { isControl, type MessageRef } from '../e2ee/content.ts';
import type { GroupState, MessageHeader, Processed } from '../e2ee/engine.ts';
import { openMessage } from '../e2ee/envelope.ts';
import { E2eeError } from '../e2ee/error.ts';
import { isFork } from '../e2ee/group-checks.ts';
import { epochOf, type Group } from './groups.ts';
import { judge, vouched } from './membership.ts';
import type { Parts } from './parts.ts';
import { stateOf, type Unsafe } from './records.ts';
import type { Sharing } from './sharing.ts';

const nothing: Decoded = { is: 'nothing' };

type Needs = Pick<
  Parts,
  'host' | 'engine' | 'directory' | 'device' | 'groups' | 'welcomes' | 'controls' | 'sharing' | 'moved'
>;

/** Reads a conversation's log: each entry moves the group's state, and what comes of it is stored with the entry. */
export class Receiving {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  async commit(entry: CommitEntry): Promise<Decoded> {
    const { conversationId } = entry;
    const group = await this.#parts.groups.get(conversationId);
    if (entry.epoch <= epochOf(group)) return nothing;
    const bytes = fromBase64url(entry.commit);
    const header = this.#inspect(bytes);
    const { generation, mlsEpoch } = groupEpoch(entry.epoch);
    if (header?.kind !== 'commit' || !equalBytes(header.groupId, groupIdBytes(conversationId, generation)))
      return this.#distrust(conversationId, group, 'wrong_group');

    const pending = await this.#parts.groups.pending(conversationId);
    const isOwn = entry.senderDeviceId === this.#parts.host.me().deviceId;
    if (pending !== undefined && isOwn && pending.commit === entry.commit) {
      const state = stateOf(this.#parts.engine, pending.next);
      const next = { ...group, generation, state, unsafe: undefined, ...this.#renewed() };
      return this.#adopt(conversationId, next, {
        epoch: entry.epoch,
        someoneLeft: pending.removes.length > 0,
        isNewGroup: generation > group.generation,
        ownAdds: pending.adds.length > 0,
      });
    }
    const { state } = group;
    const follows = state?.status === 'active' && generation === group.generation && mlsEpoch === state.epoch + 1;
    if (follows) return this.#process(entry, group, state, bytes, header);
    const announced = header.adds.some(({ deviceId }) => deviceId === this.#parts.host.me().deviceId);
    const welcome = await this.#parts.welcomes.find(conversationId, group, entry.epoch, announced);
    if (welcome !== undefined && announced) {
      await this.#parts.welcomes.join(conversationId, group, welcome);
      this.#parts.moved(conversationId);
      return nothing;
    }
    // A group that goes on, or starts over, without this device.
    if (state === undefined) return nothing;
    return { is: 'nothing', changes: this.#parts.groups.next(conversationId, { ...group, state: undefined }) };
  }

  async #process(
    entry: CommitEntry,
    group: Group,
    state: GroupState,
    bytes: Uint8Array,
    header: MessageHeader,
  ): Promise<Decoded> {
    const { conversationId } = entry;
    const users = await this.#parts.groups.usersOf(conversationId, group);
    let step: Processed;
    try {
      step = await vouched(this.#parts.directory, users, () => this.#parts.engine.process(state, bytes));
    } catch (error) {
      if (!(error instanceof E2eeError)) throw error;
      if (isFork(state, header, error)) return this.#distrust(conversationId, group, 'fork');
      return this.#distrust(conversationId, group, error.code === 'unvouched' ? 'ghost_device' : 'fork');
    }
    if (
      step.kind !== 'commit' ||
      step.sender.deviceId !== entry.senderDeviceId ||
      step.sender.userId !== entry.senderId
    )
      return this.#distrust(conversationId, group, 'fork');
    if (step.state.status === 'removed') {
      this.#parts.moved(conversationId);
      return { is: 'nothing', changes: this.#parts.groups.next(conversationId, { ...group, state: undefined }, step) };
    }
    const rules = { users, self: this.#parts.device.signer() };
    const reason = await judge(this.#parts.directory, this.#parts.engine.members(step.state), rules);
    if (reason !== undefined) return this.#distrust(conversationId, group, reason);
    const { epoch } = entry;
    const change = { epoch, someoneLeft: step.removed.length > 0, isNewGroup: false, ownAdds: false };
    return this.#adopt(conversationId, { ...group, users, state: step.state }, change, step);
  }

  async #adopt(
    conversationId: string,
    group: Group,
    change: Parameters<Sharing['moved']>[2],
    spent?: Processed,
  ): Promise<Decoded> {
    // First, because it may fail; what follows moves the state.
    const rings = await this.#parts.sharing.moved(conversationId, group, change);
    const changes = [
      ...rings,
      ...this.#parts.groups.next(conversationId, group, spent),
      ...this.#parts.groups.setPending(conversationId, undefined),
    ];
    this.#parts.moved(conversationId);
    return { is: 'nothing', changes };
  }

  async message(entry: StoredMessage): Promise<Decoded> {
    const { conversationId } = entry;
    let group = await this.#parts.groups.get(conversationId);
    if (entry.epoch === 0) throw new E2eeError('refused', 'The message is not encrypted.');
    if (entry.epoch > epochOf(group)) {
      const welcome = await this.#parts.welcomes.find(conversationId, group, entry.epoch, false);
      if (welcome !== undefined) {
        group = await this.#parts.welcomes.join(conversationId, group, welcome);
        this.#parts.moved(conversationId);
      }
    }
    const own = await this.#ownControl(entry, group);
    if (own !== undefined) return own;
    const { state } = group;
    // From a time in which this device was not in the group: `history` may read it from the archive.
    if (state === undefined || entry.epoch < group.joined) return { is: 'nothing', missed: true };
    const { generation, mlsEpoch } = groupEpoch(entry.epoch);
    if (generation < group.generation) throw new E2eeError('past_epoch', 'The keys of that time are gone.');
    if (entry.epoch > epochOf(group)) throw new E2eeError('future_epoch', 'The group has changed without this device.');
    const opened = await openMessage(this.#parts.engine, state, {
      conversationId,
      clientId: entry.clientId,
      senderId: entry.senderId,
      senderDeviceId: entry.senderDeviceId,
      mls: fromBase64url(entry.mls),
      content: entry.content === undefined ? undefined : fromBase64url(entry.content),
      wrap: entry.wrap && { v: entry.wrap.v, ct: fromBase64url(entry.wrap.ct) },
    });
    // Which keys may be used depends on it, so it is not left to the server's word.
    if (opened.epoch !== mlsEpoch)
      throw new E2eeError('refused', 'The message is of another epoch than the server says.');
    const { content, accountHead } = opened;
    if (accountHead !== undefined && !(await this.#parts.directory.hasHead(entry.senderId, accountHead)))
      throw new E2eeError('refused', 'The sender and the server do not agree about the sender’s keys.');
    // Before the state moves, because it may fail.
    const told = isControl(content) ? await this.#parts.sharing.take(conversationId, group, entry, content) : [];
    const changes = [...told, ...this.#parts.groups.next(conversationId, { ...group, state: opened.state }, opened)];
    if (isControl(content)) {
      this.#parts.moved(conversationId);
      return { is: 'nothing', changes };
    }
    if (
      (content.type === 'edit' || content.type === 'delete') &&
      !(await this.#isOwnTarget(content.target, group, entry))
    )
      return { is: 'nothing', changes };
    return { is: 'content', content: { ...content }, changes };
  }

  /** An entry of which the server has forgotten what it said. What this device told the others it knows itself. */
  async forgotten(entry: DeletedMessage): Promise<Decoded> {
    return (await this.#ownControl(entry, await this.#parts.groups.get(entry.conversationId))) ?? nothing;
  }

  async #ownControl(entry: StoredMessage | DeletedMessage, group: Group): Promise<Decoded | undefined> {
    const { conversationId, clientId, senderDeviceId } = entry;
    if (senderDeviceId !== this.#parts.host.me().deviceId) return undefined;
    const own = await this.#parts.controls.arrived(conversationId, clientId);
    if (own === undefined) return undefined;
    const told = await this.#parts.sharing.take(conversationId, group, entry, own.content);
    this.#parts.moved(conversationId);
    return { is: 'nothing', changes: [...told, ...own.changes] };
  }

  /** Nobody but its author changes or deletes a message. */
  async #isOwnTarget(target: MessageRef, group: Group, entry: StoredMessage): Promise<boolean> {
    for (const userId of group.users) {
      const { devices } = await this.#parts.directory.user(userId);
      if (devices.some(({ deviceId }) => deviceId === target.deviceId)) return userId === entry.senderId;
    }
    return false;
  }

  #inspect(bytes: Uint8Array): MessageHeader | undefined {
    try {
      return this.#parts.engine.inspect(bytes);
    } catch (error) {
      if (error instanceof E2eeError) return undefined;
      throw error;
    }
  }

  #distrust(conversationId: string, group: Group, reason: Unsafe): Decoded {
    return { is: 'nothing', changes: this.#parts.groups.distrust(conversationId, group, reason) };
  }

  #renewed(): { sent: number; renewedAt: number } {
    return { sent: 0, renewedAt: this.#parts.host.clock.now() };
  }
}
