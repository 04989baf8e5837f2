import type { Conversation } from '../../../protocol/index.ts';
import type { ConversationStore } from '../store.ts';
import { directId, iso, type ModelConversation, type ModelState, newestFirst, page, unreadOf } from './state.ts';

export function modelConversations(state: ModelState): ConversationStore {
  const { now, users, conversations, live, of, apart, blocked, audienceOf, add } = state;

  function seenBy(userId: string, conversation: ModelConversation): Conversation {
    const { id, kind, log: entries, epoch, members, lastAt } = conversation;
    const me = members.get(userId);
    return {
      id,
      kind,
      members: [...members]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([member, { deliveredSeq, readSeq }]) => {
          const name = users.get(member) ?? '';
          const shown = member === userId || audienceOf(id, member).includes(userId);
          return {
            userId: member,
            username: name,
            displayName: name,
            deliveredSeq: shown ? deliveredSeq : 0,
            readSeq: shown ? readSeq : 0,
          };
        }),
      lastSeq: entries.length,
      epoch,
      readSeq: me?.readSeq ?? 0,
      unread: unreadOf(conversation, me),
      accepted: me?.acceptedAt !== undefined,
      lastAt: iso(lastAt),
      searchOnServer: conversation.searchOnServer,
      expireAfterMs: conversation.expireAfterMs,
    };
  }

  return {
    async openDirect({ sessionId }, otherId) {
      const session = live(sessionId);
      if (session === undefined) return { state: 'unauthenticated' };
      const me = session.userId;
      if (otherId === me || !users.has(otherId)) return { state: 'not_found' };
      if (apart(me, otherId)) return { state: 'forbidden' };
      const id = directId(me, otherId);
      const found = conversations.get(id)?.members.get(me);
      const created = found === undefined || found.acceptedAt === undefined;
      if (found === undefined) add(id, 'direct', [me, otherId], [me]);
      else if (found.acceptedAt === undefined) {
        found.acceptedAt = now();
        found.markedAt = now();
      }
      return { state: 'opened', conversationId: id, created };
    },
    async accept({ sessionId }, conversationId) {
      const session = live(sessionId);
      const me = conversations.get(conversationId)?.members.get(session?.userId ?? '');
      if (me === undefined || me.acceptedAt !== undefined) return false;
      me.acceptedAt = now();
      me.markedAt = now();
      return true;
    },
    async update({ sessionId }, conversationId, { searchOnServer, expireAfterMs }) {
      const session = live(sessionId);
      if (session === undefined) return { state: 'unauthenticated' };
      const conversation = conversations.get(conversationId);
      if (conversation === undefined || !conversation.members.has(session.userId)) return { state: 'not_found' };
      const others = [...conversation.members.keys()].filter((id) => id !== session.userId);
      if (conversation.kind === 'direct' && others.some((other) => blocked(other, session.userId)))
        return { state: 'forbidden' };
      const search = searchOnServer ?? conversation.searchOnServer;
      const expiry = expireAfterMs === undefined ? conversation.expireAfterMs : expireAfterMs;
      const changed = search !== conversation.searchOnServer || expiry !== conversation.expireAfterMs;
      conversation.searchOnServer = search;
      conversation.expireAfterMs = expiry;
      if (changed) conversation.changedAt = now();
      return { state: 'updated', changed };
    },
    forAll: async (ids) =>
      [...users.keys()].flatMap((viewerId) =>
        of(viewerId)
          .filter(({ id }) => ids.includes(id))
          .map((conversation) => ({ viewerId, conversation: seenBy(viewerId, conversation) })),
      ),
    byIds: async (userId, ids) =>
      of(userId)
        .filter(({ id }) => ids.includes(id))
        .map((conversation) => seenBy(userId, conversation)),
    async page(userId, before, limit) {
      const shown = of(userId).filter((c) => c.log.length > 0 || c.members.get(userId)?.acceptedAt !== undefined);
      const older =
        before === undefined
          ? shown
          : shown.filter((c) => newestFirst(c, { lastAt: Date.parse(before.at), id: before.id }) > 0);
      return older.slice(0, limit).map((conversation) => seenBy(userId, conversation));
    },
    async changedSince(userId, since, limit) {
      const changed = ({ changedAt, members }: ModelConversation): boolean =>
        changedAt > since.getTime() || [...members.values()].some(({ markedAt }) => markedAt > since.getTime());
      return of(userId)
        .filter((c) => c.log.length > 0 && changed(c))
        .slice(0, limit)
        .map(({ id }) => id);
    },
    audience: async (conversationId, userId) => audienceOf(conversationId, userId),
    async readableFrom({ sessionId }, conversationId) {
      const conversation = conversations.get(conversationId);
      const me = conversation?.members.get(live(sessionId)?.userId ?? '');
      if (conversation === undefined || me === undefined) return undefined;
      return { joinedSeq: me.joinedSeq, lastSeq: conversation.log.length };
    },
    async history(conversationId, range, limit, maxBytes) {
      const entries = conversations.get(conversationId)?.log ?? [];
      if ('after' in range)
        return page(
          entries.filter(({ seq }) => seq > range.after),
          limit,
          maxBytes,
        );
      return page(
        entries.filter(({ seq }) => seq < range.before && seq > range.floor).reverse(),
        limit,
        maxBytes,
      ).reverse();
    },
  };
}
