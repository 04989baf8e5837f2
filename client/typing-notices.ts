import type { Clock } from './clock.ts';

const REPEAT_MS = 3_000;

/** Tells that this user is writing no more often than others need to hear it. */
export class TypingNotices {
  readonly #clock: Clock;
  readonly #notify: (conversationId: string, typing: boolean) => void;
  readonly #since = new Map<string, number>();

  constructor(clock: Clock, notify: (conversationId: string, typing: boolean) => void) {
    this.#clock = clock;
    this.#notify = notify;
  }

  set(conversationId: string, typing: boolean): void {
    const since = this.#since.get(conversationId);
    const now = this.#clock.now();
    if (typing ? since !== undefined && now - since < REPEAT_MS : since === undefined) return;
    if (typing) this.#since.set(conversationId, now);
    else this.#since.delete(conversationId);
    this.#notify(conversationId, typing);
  }
}
