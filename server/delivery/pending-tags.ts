import type { SearchStore } from '../store/search.ts';
import type { Clock } from './clock.ts';

/** How long tags are collected: long enough to share pages, short enough that few sends fill the list themselves. */
const AFTER_MS = 100;

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

  function collect(): void {
    state = 'collecting';
    cancel = clock.after(AFTER_MS, () => {
      state = 'filing';
      store
        .fileTags()
        .catch(failed)
        .finally(() => {
          if (state === 'filing, more came') collect();
          else if (state === 'filing') state = 'empty';
        });
    });
  }

  return {
    added() {
      if (state === 'empty') collect();
      else if (state === 'filing') state = 'filing, more came';
    },
    stop() {
      state = 'stopped';
      cancel();
    },
  };
}
