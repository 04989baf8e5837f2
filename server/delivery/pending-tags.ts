import type { Clock } from '../clock.ts';
import type { SearchStore } from '../store/search.ts';

/** How long tags are collected: long enough to share pages, short enough that few sends fill the list themselves. */
const AFTER_MS = 100;
/** After a failure, which may well be for ever: only the owner of the index may file. */
const AFTER_FAILURE_MS = 60_000;

export interface PendingTags {
  /** A message with tags was stored. */
  added(): void;
  stop(): void;
}

/**
 * New tags wait in a list of the index until it is full, and whoever fills it empties it, which may take many times as
 * long as the send itself: right after a checkpoint each page that it touches goes into the WAL whole. So the list is emptied
 * beside the sends, before it is full. Should that fail or be too slow, the sends empty it as before.
 */
export function createPendingTags(options: {
  store: Pick<SearchStore, 'fileTags'>;
  clock: Clock;
  failed: (error: unknown) => void;
}): PendingTags {
  const { store, clock, failed } = options;
  let state: 'empty' | 'collecting' | 'filing' | 'filing, more came' | 'stopped' = 'empty';
  let cancel = (): void => {};

  function collect(afterMs: number): void {
    state = 'collecting';
    cancel = clock.after(afterMs, () => {
      state = 'filing';
      store.fileTags().then(
        () => {
          if (state === 'filing, more came') collect(AFTER_MS);
          else if (state === 'filing') state = 'empty';
        },
        (error: unknown) => {
          if (state !== 'stopped') collect(AFTER_FAILURE_MS);
          failed(error);
        },
      );
    });
  }

  return {
    added() {
      if (state === 'empty') collect(AFTER_MS);
      else if (state === 'filing') state = 'filing, more came';
    },
    stop() {
      state = 'stopped';
      cancel();
    },
  };
}
