import * as v from 'valibot';
import { member } from '../../protocol/conversation.ts';
import type { Conversation } from '../../protocol/index.ts';
import {
  acceptConversation,
  audience,
  changedSince,
  conversationsForAll,
  conversationsOf,
  conversationsOfMany,
  type IConversationsOfParams,
  type IConversationsOfResult,
  openDirect,
  updateConversation,
} from '../../sql/queries/conversations.queries.ts';
import { listOf } from './arrays.ts';
import type { Gate } from './gate.ts';
import { byQuestion, joined } from './joined.ts';
import { createHistory } from './log.ts';
import { oneOf } from './one-of.ts';
import type { ConversationStore } from './store.ts';

const members = v.array(member);
const refusals = ['unauthenticated', 'not_found', 'forbidden'] as const;

export function createConversationStore(gate: Gate): ConversationStore {
  async function select(params: IConversationsOfParams): Promise<Conversation[]> {
    const rows = await gate.run('read', (sql) => conversationsOf.run(params, sql));
    return rows.map(toConversation);
  }

  const byIds = joined(async (asks: readonly { userId: string; ids: readonly string[] }[]) => {
    const questions: number[] = [];
    const userIds: string[] = [];
    const ids: string[] = [];
    for (const [i, ask] of asks.entries()) {
      for (const id of ask.ids) {
        questions.push(i + 1);
        userIds.push(ask.userId);
        ids.push(id);
      }
    }
    const params = { questions: listOf(questions), userIds: listOf(userIds), ids: listOf(ids) };
    const rows = await gate.run('read', (sql) => conversationsOfMany.run(params, sql));
    return byQuestion(rows, asks.length).map((found) => found.map(toConversation));
  });
  const changes = joined(async (asks: readonly { userId: string; since: Date; limit: number }[]) => {
    const params = {
      userIds: listOf(asks.map(({ userId }) => userId)),
      sinces: listOf(asks.map(({ since }) => since.toISOString())),
      limit: Math.max(...asks.map(({ limit }) => limit)),
    };
    const rows = await gate.run('read', (sql) => changedSince.run(params, sql));
    return byQuestion(rows, asks.length).map((found, i) => found.slice(0, asks[i]?.limit).map(({ id }) => id));
  });

  return {
    ...createHistory(gate),

    async openDirect({ sessionId }, otherId) {
      const [row] = await gate.run('read', (sql) => openDirect.run({ sessionId, otherId }, sql));
      if (row?.state === 'opened' && row.conversationId !== null) {
        return { state: 'opened', conversationId: row.conversationId, created: row.created };
      }
      return { state: oneOf(refusals, row?.state, 'open_direct') };
    },

    async accept({ sessionId }, conversationId) {
      const rows = await gate.run('read', (sql) => acceptConversation.run({ sessionId, conversationId }, sql));
      return rows.length > 0;
    },

    async update({ sessionId }, conversationId, { searchOnServer, expireAfterMs }) {
      const params = {
        sessionId,
        conversationId,
        search: searchOnServer ?? null,
        expiryGiven: expireAfterMs !== undefined,
        expiry: expireAfterMs ?? null,
      };
      const [row] = await gate.run('read', (sql) => updateConversation.run(params, sql));
      if (row?.state === 'updated') return { state: 'updated', changed: row.changed };
      return { state: oneOf(refusals, row?.state, 'update_conversation') };
    },

    async forAll(ids) {
      const rows = await gate.run('background', (sql) => conversationsForAll.run({ ids: listOf(ids) }, sql));
      return rows.map((row) => ({ viewerId: row.viewerId, conversation: toConversation(row) }));
    },

    byIds: (userId, ids) => byIds({ userId, ids }),
    changedSince: (userId, since, limit) => changes({ userId, since, limit }),

    page: (userId, before, limit) =>
      select({
        userId,
        ids: null,
        beforeAt: before === undefined ? null : new Date(before.at),
        beforeId: before?.id ?? null,
        limit,
      }),

    async audience(conversationId, userId) {
      const rows = await gate.run('read', (sql) => audience.run({ conversationId, userId }, sql));
      return rows.map((row) => row.userId);
    },
  };
}

function toConversation(row: IConversationsOfResult): Conversation {
  return {
    id: row.id,
    kind: oneOf(['direct', 'group'], row.kind, 'conversations'),
    members: v.parse(members, row.members),
    lastSeq: row.lastSeq,
    epoch: row.epoch,
    readSeq: row.readSeq,
    unread: row.unread,
    accepted: row.accepted,
    lastAt: row.lastAt.toISOString(),
    searchOnServer: row.searchOnServer,
    expireAfterMs: row.expireAfterMs,
  };
}
