import type { ReceiptAnswer, ReceiptStore, ReceiptWrite } from '../store.ts';
import { type ModelSession, type ModelState, type Participant, unreadOf } from './state.ts';

export function modelReceipts({ now, devices, conversations, live, audienceOf }: ModelState): ReceiptStore {
  function verdictOf(write: ReceiptWrite): 'ended' | 'displaced' | 'beyond' | ModelSession {
    const session = live(write.sessionId);
    if (session === undefined) return 'ended';
    if (devices.get(session.deviceId)?.connectionNo !== write.connectionNo) return 'displaced';
    const conversation = conversations.get(write.conversationId);
    if (conversation === undefined || !conversation.members.has(session.userId)) return 'beyond';
    return Math.max(write.ackSeq, write.readSeq) > conversation.log.length ? 'beyond' : session;
  }

  /** All writes of a call are one step: every answer tells the marks after all of them. */
  function write(writes: readonly ReceiptWrite[]): ReceiptAnswer[] {
    const raised = new Map<Participant, { delivered: boolean; read: boolean }>();
    const verdicts = writes.map(verdictOf);
    for (const [i, { conversationId, ackSeq, readSeq }] of writes.entries()) {
      const session = verdicts[i];
      const conversation = conversations.get(conversationId);
      if (typeof session !== 'object' || conversation === undefined) continue;
      const me = conversation.members.get(session.userId);
      if (me === undefined) continue;
      if (ackSeq > 0)
        conversation.cursors.set(session.deviceId, Math.max(conversation.cursors.get(session.deviceId) ?? 0, ackSeq));
      const rise = raised.get(me) ?? { delivered: false, read: false };
      const top = Math.max(ackSeq, readSeq);
      raised.set(me, { delivered: rise.delivered || top > me.deliveredSeq, read: rise.read || readSeq > me.readSeq });
      if (top > me.deliveredSeq || readSeq > me.readSeq) me.markedAt = now();
      me.deliveredSeq = Math.max(me.deliveredSeq, top);
      me.readSeq = Math.max(me.readSeq, readSeq);
    }
    return writes.map(({ conversationId }, i): ReceiptAnswer => {
      const session = verdicts[i] ?? 'ended';
      if (typeof session !== 'object') return { outcome: session };
      const conversation = conversations.get(conversationId);
      const me = conversation?.members.get(session.userId);
      if (conversation === undefined || me === undefined) return { outcome: 'beyond' };
      const { delivered = false, read = false } = raised.get(me) ?? {};
      return {
        outcome: 'written',
        userId: session.userId,
        deliveredSeq: me.deliveredSeq,
        readSeq: me.readSeq,
        rose: delivered || read,
        unread: read ? unreadOf(conversation, me) : undefined,
        audience: delivered || read ? audienceOf(conversationId, session.userId) : [],
      };
    });
  }

  return { writeReceipts: async (writes) => write(writes) };
}
