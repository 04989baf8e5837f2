import { modelConnections } from './model/connections.ts';
import { modelConversations } from './model/conversations.ts';
import { modelLog } from './model/log.ts';
import { modelReceipts } from './model/receipts.ts';
import { createModelState, directId, type ModelConversation } from './model/state.ts';
import type { ConnectionStore, ConversationStore, HelloState, Identity, LogStore, ReceiptStore } from './store.ts';

export interface ModelStore {
  readonly log: LogStore;
  readonly connections: ConnectionStore;
  readonly conversations: ConversationStore;
  readonly receipts: ReceiptStore;
  /** Direct conversations are opened; a group stands from the start, accepted by all. */
  addGroup(userIds: readonly string[]): string;
  addPerson(name: string): Identity;
  addDevice(userId: string): Identity;
  endSession(sessionId: string, reason: HelloState): void;
  block(userId: string, blockedId: string): void;
  require(conversationId: string, what: { epoch?: number; removal?: boolean }): void;
  /** For an oracle: what is stored. */
  conversation(id: string): ModelConversation | undefined;
  /** The id that the direct conversation of two people has, or will have. */
  directId(a: string, b: string): string;
  /** For an oracle: loses what was stored above `seq`, as a database that answered too early would. */
  truncate(conversationId: string, seq: number): void;
}

/**
 * The stores in memory, with the same meaning as the real ones: each call is one step, nothing ever fails and nobody is
 * ever busy. A simulation puts delays and failures around it.
 */
export function createModelStore(options: { now(): number; newId(): string }): ModelStore {
  const state = createModelState(options);
  const { newId, users, devices, sessions, blocks, conversations, of, add } = state;

  function addDevice(userId: string): Identity {
    const identity = { userId, deviceId: newId(), sessionId: newId() };
    devices.set(identity.deviceId, { userId, connectionNo: 0, lastSeenAt: undefined });
    sessions.set(identity.sessionId, { ...identity, ended: undefined });
    for (const { members, cursors } of of(userId))
      cursors.set(identity.deviceId, members.get(userId)?.deliveredSeq ?? 0);
    return identity;
  }

  return {
    log: modelLog(state),
    connections: modelConnections(state),
    conversations: modelConversations(state),
    receipts: modelReceipts(state),
    addGroup(userIds) {
      const id = newId();
      add(id, 'group', userIds, userIds);
      return id;
    },
    addPerson(name) {
      const userId = newId();
      users.set(userId, name);
      return addDevice(userId);
    },
    addDevice,
    endSession(sessionId, reason) {
      const session = sessions.get(sessionId);
      if (session !== undefined) session.ended = reason;
    },
    block: (userId, blockedId) => void blocks.add(`${userId} ${blockedId}`),
    require(conversationId, { epoch, removal }) {
      const conversation = conversations.get(conversationId);
      if (conversation === undefined) return;
      conversation.epoch = epoch ?? conversation.epoch;
      conversation.removalRequired = removal ?? conversation.removalRequired;
    },
    directId,
    conversation: (id) => conversations.get(id),
    truncate: (conversationId, seq) => void conversations.get(conversationId)?.log.splice(seq),
  };
}
