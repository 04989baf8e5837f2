import { deletedJson, messageJson } from '../json.ts';
import type { LogStore, NewMessage, Verdict } from '../store.ts';
import { type Entry, iso, type ModelConversation, type ModelSession, type ModelState, page } from './state.ts';

export function modelLog({ now, devices, conversations, blocked, live }: ModelState): LogStore {
  function judge(message: NewMessage): { verdict: Verdict; session: ModelSession | undefined } {
    const conversation = conversations.get(message.conversationId);
    if (conversation === undefined) return { verdict: { state: 'not_found' }, session: undefined };
    const session = live(message.sessionId);
    if (session === undefined) return { verdict: { state: 'unauthenticated' }, session };
    const { userId, deviceId } = session;
    const earlier = conversation.log.find(
      (entry) => entry.clientId === message.clientId && entry.senderDeviceId === deviceId,
    );
    if (earlier !== undefined) {
      const { seq, sentAt, deleted } = earlier;
      const known = { seq, sentAt };
      if (earlier.digest !== message.digest) return { verdict: { state: 'idempotency_conflict', ...known }, session };
      return { verdict: { state: 'duplicate', ...known, ...(deleted && { deleted }) }, session };
    }
    const refused = (state: 'not_found' | 'forbidden' | 'removal_required') => ({ verdict: { state }, session });
    if (!conversation.members.has(userId)) return refused('not_found');
    const others = [...conversation.members.keys()].filter((id) => id !== userId);
    if (conversation.kind === 'direct' && others.some((other) => blocked(other, userId))) return refused('forbidden');
    if (message.epoch !== conversation.epoch)
      return { verdict: { state: 'stale_epoch', epoch: conversation.epoch }, session };
    // Groups are not modelled: once there is one, nobody is in it.
    if (conversation.epoch > 0) return refused('forbidden');
    if (conversation.removalRequired) return refused('removal_required');
    const maxVersion = conversation.searchOnServer ? 64 * (conversation.log.length + 1) : 0;
    if (message.search !== undefined && message.search.v > maxVersion)
      return { verdict: { state: 'search_refused', maxVersion }, session };
    return { verdict: store(conversation, message, session), session };
  }

  function store(conversation: ModelConversation, message: NewMessage, { userId, deviceId }: ModelSession): Verdict {
    const { conversationId, clientId, epoch, mls, content, wrap, silent, digest } = message;
    const seq = conversation.log.length + 1;
    const sentAt = Math.max(conversation.lastAt, now());
    const json = messageJson({
      conversationId,
      seq,
      senderId: userId,
      senderDeviceId: deviceId,
      clientId,
      epoch,
      mls,
      content,
      wrap,
      silent,
      sentAt: iso(sentAt),
    });
    const notifying = (conversation.log.at(-1)?.notifying ?? 0) + (silent ? 0 : 1);
    const bytes = bytesOf(mls) + bytesOf(content ?? '');
    conversation.log.push({
      seq,
      senderDeviceId: deviceId,
      clientId,
      mls,
      deleted: false,
      digest,
      sentAt,
      notifying,
      bytes,
      json,
    });
    conversation.lastAt = sentAt;
    const me = conversation.members.get(userId);
    if (me !== undefined) {
      me.deliveredSeq = Math.max(me.deliveredSeq, seq);
      me.readSeq = Math.max(me.readSeq, seq);
      me.markedAt = now();
      me.acceptedAt ??= now();
    }
    return { state: 'stored', seq, sentAt };
  }

  return {
    async append(messages) {
      const verdicts = messages.map((message) => judge(message).verdict);
      const ids = new Set(messages.map(({ conversationId }) => conversationId));
      return {
        verdicts,
        members: new Map([...ids].map((id) => [id, [...(conversations.get(id)?.members.keys() ?? [])]])),
      };
    },
    async entriesAfter(conversationId, after, limit, maxBytes) {
      const entries = (conversations.get(conversationId)?.log ?? []).filter(({ seq }) => seq > after);
      return page(entries, limit, maxBytes).map(({ seq, json }) => ({
        seq,
        frame: `{"type":"message.new","body":${json}}`,
      }));
    },
    async deleteMessage({ sessionId }, conversationId, seq) {
      const session = live(sessionId);
      if (session === undefined) return 'unauthenticated';
      const conversation = conversations.get(conversationId);
      const entry = conversation?.log[seq - 1];
      const me = conversation?.members.get(session.userId);
      if (conversation === undefined || entry === undefined || me === undefined || seq <= me.joinedSeq)
        return 'not_found';
      if (devices.get(entry.senderDeviceId)?.userId !== session.userId) return 'forbidden';
      if (entry.deleted) return 'duplicate';
      conversation.log[seq - 1] = emptied(conversationId, entry, session.userId);
      return 'deleted';
    },
  };
}

/** The entry as it is once its ciphertext is gone. */
function emptied(conversationId: string, entry: Entry, senderId: string): Entry {
  const { epoch, silent }: { epoch: number; silent?: boolean } = JSON.parse(entry.json);
  const { seq, senderDeviceId, clientId, sentAt } = entry;
  const common = { conversationId, seq, senderId, senderDeviceId, clientId, epoch, sentAt: iso(sentAt) };
  return { ...entry, mls: '', bytes: 0, deleted: true, json: deletedJson({ ...common, silent }) };
}

const bytesOf = (text: string): number => Math.floor((text.length * 3) / 4);
