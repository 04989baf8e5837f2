import type { Clock } from './clock.ts';
import type { Log } from './log.ts';

const EVERY_MS = 30_000;

/** Says that something failed. */
export type Warn = (sentence: string, error: unknown, fields?: Readonly<Record<string, unknown>>) => void;

/**
 * Warns at once, and then for each sentence at most every half minute, with the latest error and how often it was to be said: when the
 * database is away, every request of everybody fails.
 */
export function createSparingWarn(log: Log, clock: Clock): Warn {
  /** The lines that are held back, by sentence. */
  const held = new Map<string, { times: number; fields: object }>();

  function release(sentence: string): void {
    const line = held.get(sentence);
    if (line === undefined || line.times === 0) return void held.delete(sentence);
    log.warn({ ...line.fields, times: line.times }, sentence);
    held.set(sentence, { times: 0, fields: {} });
    clock.after(EVERY_MS, () => release(sentence));
  }

  return (sentence, error, fields) => {
    const line = held.get(sentence);
    if (line !== undefined) {
      line.times++;
      line.fields = { ...fields, err: error };
      return;
    }
    log.warn({ ...fields, err: error }, sentence);
    held.set(sentence, { times: 0, fields: {} });
    clock.after(EVERY_MS, () => release(sentence));
  };
}
