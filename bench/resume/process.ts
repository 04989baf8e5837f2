import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { News, Order } from './messages.ts';

/** One driver process full of devices. */
export class DeviceProcess implements AsyncDisposable {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('./worker.js', import.meta.url)));

  order(order: Order, did: News['did']): Promise<News> {
    const answer = this.news(did);
    this.#child.send(order);
    return answer;
  }

  news(did: News['did']): Promise<News> {
    return new Promise((resolve, reject) => {
      const listen = (news: News): void => {
        if (news.did !== did) return;
        this.#child.off('message', listen);
        this.#child.off('exit', gone);
        resolve(news);
      };
      const gone = (): void => reject(new Error('a driver process ended early'));
      this.#child.on('message', listen);
      this.#child.once('exit', gone);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.send({ do: 'stop' } satisfies Order);
    await ended;
  }
}
