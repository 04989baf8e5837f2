/** Ends what was started, the last first; Node 20 has no AsyncDisposableStack. */
export class Stack {
  readonly #entries: AsyncDisposable[] = [];

  use<T extends AsyncDisposable>(entry: T): T {
    this.#entries.push(entry);
    return entry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const entry of this.#entries.reverse()) await entry[Symbol.asyncDispose]();
  }
}

/** Runs the `exit` handlers, which take away what a killed process would leave behind. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130));
}
