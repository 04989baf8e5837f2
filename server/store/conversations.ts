import * as v from 'valibot';
import { member } from '../../protocol/conversation.ts';
import type { Conversation } from '../../protocol/index.ts';
import {
  acceptConversation,
  audience,
  changedSince,
  conversationsForAll,
  conversationsOf,
  type IConversationsOfParams,
  type IConversationsOfResult,
  openDirect,
} from '../../sql/queries/conversations.queries.ts';
import type { Gate } from './gate.ts';
import { createHistory } from './log.ts';
import type { ConversationStore } from './store.ts';

const members = v.array(member);

export function createConversationStore(gate: Gate): ConversationStore {
  async function select(params: IConversationsOfParams): Promise<Conversation[]> {
    const rows = await gate.run('read', (sql) => conversationsOf.run(params, sql));
    return rows.map(toConversation);
  }

  return {
    ...createHistory(gate),

    async openDirect({ sessionId }, otherId) {
      const [row] = await gate.run('read', (sql) => openDirect.run({ sessionId, otherId }, sql));
      if (row?.state === 'opened' && row.conversationId !== null) {
        return { state: 'opened', conversationId: row.conversationId, created: row.created };
      }
      const state = row?.state;
      if (state === 'unauthenticated' || state === 'not_found' || state === 'forbidden') return { state };
      throw new Error(`open_direct answered ${state}`);
    },

    async accept({ sessionId }, conversationId) {
      const rows = await gate.run('read', (sql) => acceptConversation.run({ sessionId, conversationId }, sql));
      return rows.length > 0;
    },

    async forAll(ids) {
      const rows = await gate.run('background', (sql) => conversationsForAll.run({ ids: `{${ids.join()}}` }, sql));
      return rows.map((row) => ({ viewerId: row.viewerId, conversation: toConversation(row) }));
    },

    byIds: (userId, ids) =>
      select({ userId, ids: `{${ids.join()}}`, beforeAt: null, beforeId: null, limit: ids.length }),

    page: (userId, before, limit) =>
      select({
        userId,
        ids: null,
        beforeAt: before === undefined ? null : new Date(before.at),
        beforeId: before?.id ?? null,
        limit,
      }),

    async changedSince(userId, since, limit) {
      const rows = await gate.run('read', (sql) => changedSince.run({ userId, since, limit }, sql));
      return rows.map((row) => row.id);
    },

    async audience(conversationId, userId) {
      const rows = await gate.run('read', (sql) => audience.run({ conversationId, userId }, sql));
      return rows.map((row) => row.userId);
    },
  };
}

function toConversation(row: IConversationsOfResult): Conversation {
  return {
    id: row.id,
    kind: row.kind === 'group' ? 'group' : 'direct',
    members: v.parse(members, row.members),
    lastSeq: row.lastSeq,
    epoch: row.epoch,
    readSeq: row.readSeq,
    unread: row.unread,
    accepted: row.accepted,
    lastAt: row.lastAt.toISOString(),
  };
}
