import type { LogEntry, LogStore } from '../store/store.ts';

/** Entries of one read: small enough that many slow readers share memory, large enough that a backlog flows. */
const PAGE_ENTRIES = 64;
const PAGE_BYTES = 256 * 1024;

export interface Page {
  readonly entries: readonly LogEntry[];
}

export interface Loader {
  /** Entries of a conversation above `after`; equal reads under way are one read. */
  read(conversationId: string, after: number): Promise<Page>;
  readonly inFlight: number;
}

/** Reads the log for all connections of this instance. */
export function createLoader(store: LogStore): Loader {
  const underWay = new Map<string, Promise<Page>>();
  return {
    read(conversationId, after) {
      const key = `${conversationId}:${after}`;
      const found = underWay.get(key);
      if (found !== undefined) return found;
      const page = store
        .entriesAfter(conversationId, after, PAGE_ENTRIES, PAGE_BYTES)
        .then((entries) => ({ entries }))
        .finally(() => underWay.delete(key));
      underWay.set(key, page);
      return page;
    },
    get inFlight() {
      return underWay.size;
    },
  };
}
