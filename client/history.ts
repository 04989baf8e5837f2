import type { Reply, RequestInput } from '../protocol/index.ts';
import { SottoError } from './errors.ts';
import { isChange } from './life.ts';
import { type ReadBackOptions, readBack } from './read-back.ts';
import { type Entry, entry as entrySchema, keys, readAll } from './records.ts';

export interface HistoryOptions extends ReadBackOptions {
  connected(): boolean;
  history(body: RequestInput<'message.history'>): Promise<Reply<'message.history'>>;
}

export interface HistoryPage {
  /** In seq order. */
  readonly entries: Entry[];
  readonly more: boolean;
  /** The `before` of the next page, which may have something to show even if this one has nothing. */
  readonly next?: number;
}

/**
 * A page of a conversation's past: from the server, read from this device's store where that has it, else from the
 * conversation's archive; without a connection from the store alone.
 */
export async function readHistory(
  options: HistoryOptions,
  conversationId: string,
  { before, limit = 50 }: { before?: number; limit?: number },
): Promise<HistoryPage> {
  if (options.connected()) {
    try {
      const body = before === undefined ? { conversationId, limit } : { conversationId, before, limit };
      const { messages, more } = await options.history(body);
      const entries = await readBack(options, messages);
      const lowest = messages[0]?.seq;
      return { entries: entries.filter(isShown), more, ...(more && lowest !== undefined ? { next: lowest } : {}) };
    } catch (error) {
      if (!(error instanceof SottoError) || error.retry !== 'same') throw error;
    }
  }
  const range = { prefix: keys.entries(conversationId), reverse: true, limit: limit + 1 };
  const found = await readAll(
    options.store,
    entrySchema,
    before === undefined ? range : { ...range, below: keys.entry(conversationId, before) },
  );
  const more = found.length > limit;
  const lowest = found[limit - 1]?.seq;
  return {
    entries: found.slice(0, limit).reverse().filter(isShown),
    more,
    ...(more && lowest !== undefined ? { next: lowest } : {}),
  };
}

/** What is done to a message is seen in the message, also where only the server knows that something was done. */
const isShown = ({ hidden, content, deleted, silent }: Entry): boolean =>
  !hidden && !isChange(content) && !(deleted === true && silent);
