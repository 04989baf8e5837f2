import { type Marks, type MessageFact, type MessageState, nextMessageState } from './message-state.ts';

export interface OwnMessage {
  readonly conversationId: string;
  readonly clientId: string;
  readonly state: MessageState;
}

/** More than anybody looks at; the oldest are forgotten, and can be asked for by their entries. */
const MAX_TRACKED = 1_000;

/** The states of this device's messages that may still change, and a word whenever one does. */
export class OwnMessages {
  readonly #byConversation = new Map<string, Map<string, MessageState>>();
  readonly #marks: (conversationId: string) => Marks;
  readonly #onChange: (message: OwnMessage) => void;

  constructor(marks: (conversationId: string) => Marks, onChange: (message: OwnMessage) => void) {
    this.#marks = marks;
    this.#onChange = onChange;
  }

  /** Takes up a message from an earlier run, without a word. */
  track(conversationId: string, clientId: string, state: MessageState): void {
    this.#of(conversationId).set(clientId, state);
  }

  state(conversationId: string, clientId: string): MessageState | undefined {
    return this.#byConversation.get(conversationId)?.get(clientId);
  }

  learn(conversationId: string, clientId: string, fact: MessageFact): void {
    const states = this.#of(conversationId);
    const before = states.get(clientId);
    let after = nextMessageState(before ?? { is: 'pending' }, fact);
    after = nextMessageState(after, { is: 'marks', marks: this.#marks(conversationId) });
    if (after === before) return;
    states.set(clientId, after);
    const [oldest] = states.keys();
    if (states.size > MAX_TRACKED && oldest !== undefined) states.delete(oldest);
    this.#onChange({ conversationId, clientId, state: after });
  }

  /** Everyone else got further. */
  risen(conversationId: string): void {
    const fact: MessageFact = { is: 'marks', marks: this.#marks(conversationId) };
    for (const [clientId, before] of this.#byConversation.get(conversationId) ?? []) {
      const after = nextMessageState(before, fact);
      if (after === before) continue;
      this.#of(conversationId).set(clientId, after);
      this.#onChange({ conversationId, clientId, state: after });
    }
  }

  #of(conversationId: string): Map<string, MessageState> {
    const states = this.#byConversation.get(conversationId) ?? new Map<string, MessageState>();
    this.#byConversation.set(conversationId, states);
    return states;
  }
}
