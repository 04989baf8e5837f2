import type { Conversation } from '../protocol/index.ts';

export interface FailureReason {
  /**
   * A code of the protocol, or `unreadable`, `handler_failed`, `not_encoded`, or what the codec refused it for, as `members_changed`; of
   * what waits `no_device` (the other person has none with keys), `not_added` (a device of the conversation has to come online)
   * or `not_linked` (this one).
   */
  readonly code: string;
  readonly message: string;
}

/** What an application may say about a message of its own. */
export type MessageState =
  /** Kept on this device; whether the server has it is not known yet. `waits`: what it waits for, where that may take long. */
  | { readonly is: 'pending'; readonly waits?: FailureReason }
  /** In the server's log, at `seq`. */
  | { readonly is: 'stored'; readonly seq: number; readonly sentAt: string }
  /** On a device of every other member. */
  | { readonly is: 'delivered'; readonly seq: number; readonly sentAt: string }
  /** Read by every other member. */
  | { readonly is: 'read'; readonly seq: number; readonly sentAt: string }
  /** Refused for good: it is not in the log. */
  | { readonly is: 'failed'; readonly reason: FailureReason };

export type MessageFact =
  /** A reply, or the entry itself. */
  | { readonly is: 'stored'; readonly seq: number; readonly sentAt: string }
  /** How far every other member has got. */
  | { readonly is: 'marks'; readonly marks: Marks }
  /** A definite refusal. */
  | { readonly is: 'refused'; readonly reason: FailureReason }
  /** It cannot be sent yet. */
  | { readonly is: 'waits'; readonly reason: FailureReason }
  /** The application wants it sent after all. */
  | { readonly is: 'retried' }
  /** The server's database was restored to a time before this message. */
  | { readonly is: 'lost' };

export interface Marks {
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

/**
 * The state after a fact. What is in the log stays there whatever is said later (a late refusal of a retry changes
 * nothing), marks only rise, and being stored wins over an earlier failure, because it is the truth.
 */
export function nextMessageState(state: MessageState, fact: MessageFact): MessageState {
  switch (fact.is) {
    case 'stored':
      return 'seq' in state && state.seq === fact.seq ? state : { is: 'stored', seq: fact.seq, sentAt: fact.sentAt };
    case 'marks':
      return 'seq' in state ? risen(state, fact.marks) : state;
    case 'refused':
      return state.is === 'pending' ? { is: 'failed', reason: fact.reason } : state;
    case 'waits':
      return state.is === 'pending' && state.waits?.code !== fact.reason.code
        ? { is: 'pending', waits: fact.reason }
        : state;
    case 'retried':
      return state.is === 'failed' ? { is: 'pending' } : state;
    case 'lost':
      return 'seq' in state ? { is: 'pending' } : state;
  }
}

function risen(state: Extract<MessageState, { seq: number }>, { deliveredSeq, readSeq }: Marks): MessageState {
  if (state.is === 'read') return state;
  if (readSeq >= state.seq) return { ...state, is: 'read' };
  if (state.is === 'stored' && deliveredSeq >= state.seq) return { ...state, is: 'delivered' };
  return state;
}

/** How far all members but `userId` have got: the lowest of their marks. */
export function marksOfOthers(conversation: Pick<Conversation, 'members'>, userId: string): Marks {
  const others = conversation.members.filter((member) => member.userId !== userId);
  if (others.length === 0) return { deliveredSeq: 0, readSeq: 0 };
  return {
    deliveredSeq: Math.min(...others.map((member) => member.deliveredSeq)),
    readSeq: Math.min(...others.map((member) => member.readSeq)),
  };
}
