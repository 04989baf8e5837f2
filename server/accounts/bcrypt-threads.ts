import { Worker } from 'node:worker_threads';
import type { Task } from './bcrypt-thread.ts';

/** Threads below the priority of everything else, one task each at a time; made when first needed, kept after that. */
export class BcryptThreads {
  readonly #idle: Worker[] = [];

  hash(password: string, cost: number): Promise<string> {
    return this.#run({ password, cost }) as Promise<string>;
  }

  compare(password: string, hash: string): Promise<boolean> {
    return this.#run({ password, hash }) as Promise<boolean>;
  }

  /** The caller bounds how many run at once. */
  #run(task: Task): Promise<unknown> {
    const thread = this.#idle.pop() ?? new Worker(new URL('./bcrypt-thread.js', import.meta.url));
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        thread.off('message', answered).off('error', failed).off('exit', ended);
        // It must not keep the process alive while it has nothing to do.
        thread.unref();
      };
      const answered = (answer: unknown): void => {
        settle();
        this.#idle.push(thread);
        resolve(answer);
      };
      // A thread that failed or ended is not used again.
      const failed = (error: Error): void => {
        settle();
        reject(error);
      };
      const ended = (code: number): void => failed(new Error(`The thread that hashes ended with code ${code}.`));
      thread.ref();
      thread.on('message', answered).on('error', failed).on('exit', ended);
      thread.postMessage(task);
    });
  }
}
