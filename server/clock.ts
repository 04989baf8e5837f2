/** Time and its timers, so that a simulation can hold them. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once after `ms`; the answer cancels it. */
  after(ms: number, call: () => void): () => void;
  /** Calls back at the end of this turn of the event loop, after every frame that has arrived was read. */
  soon(call: () => void): void;
}

export const systemClock: Clock = {
  now: Date.now,
  after(ms, call) {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  soon: (call) => void setImmediate(call),
};

/**
 * Works every `everyMs`, counted from the end of one round to the beginning of the next, so that no two overlap. The
 * answer ends it.
 */
export function repeat(
  clock: Clock,
  everyMs: number,
  work: () => Promise<void>,
  failed: (error: unknown) => void,
  first: 'at once' | 'after a wait' = 'after a wait',
): () => void {
  let stopped = false;
  let cancel = (): void => {};
  const round = (): void => void work().catch(failed).finally(wait);
  const wait = (): void => {
    if (!stopped) cancel = clock.after(everyMs, round);
  };
  if (first === 'at once') round();
  else wait();
  return () => {
    stopped = true;
    cancel();
  };
}
