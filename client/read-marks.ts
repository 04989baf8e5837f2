import { SottoError } from './errors.ts';

export interface ReadMarksOptions {
  send(conversationId: string, seq: number): Promise<unknown>;
  connected(): boolean;
  onProblem(problem: unknown): void;
}

/** Read marks on their way to the server: the latest of each conversation, told again after a break. */
export class ReadMarks {
  readonly #options: ReadMarksOptions;
  readonly #wanted = new Map<string, number>();
  readonly #sending = new Set<string>();

  constructor(options: ReadMarksOptions) {
    this.#options = options;
  }

  read(conversationId: string, seq: number): void {
    if ((this.#wanted.get(conversationId) ?? 0) >= seq) return;
    this.#wanted.set(conversationId, seq);
    void this.#send(conversationId);
  }

  connected(): void {
    for (const conversationId of this.#wanted.keys()) void this.#send(conversationId);
  }

  async #send(conversationId: string): Promise<void> {
    if (this.#sending.has(conversationId) || !this.#options.connected()) return;
    this.#sending.add(conversationId);
    try {
      for (let seq = this.#wanted.get(conversationId); seq !== undefined; seq = this.#wanted.get(conversationId)) {
        await this.#options.send(conversationId, seq);
        if (this.#wanted.get(conversationId) === seq) this.#wanted.delete(conversationId);
      }
    } catch (error) {
      if (error instanceof SottoError && error.retry === 'same') return;
      this.#wanted.delete(conversationId);
      this.#options.onProblem(error);
    } finally {
      this.#sending.delete(conversationId);
    }
  }
}
