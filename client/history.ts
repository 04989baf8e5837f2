import type { Reply, RequestInput } from '../protocol/index.ts';
import type { MessageCodec } from './codec.ts';
import { SottoError } from './errors.ts';
import { isChange } from './life.ts';
import { type Entry, entry as entrySchema, keys, readAll, readOne } from './records.ts';
import type { ClientStore } from './store.ts';

export interface HistoryOptions {
  readonly store: ClientStore;
  readonly codec: MessageCodec;
  connected(): boolean;
  history(body: RequestInput<'message.history'>): Promise<Reply<'message.history'>>;
}

export interface HistoryPage {
  /** In seq order. */
  readonly entries: Entry[];
  readonly more: boolean;
}

/** A page of a conversation's past: from the server, read from this device's store where that has it, or from the store alone. */
export async function readHistory(
  options: HistoryOptions,
  conversationId: string,
  { before, limit = 50 }: { before?: number; limit?: number },
): Promise<HistoryPage> {
  if (options.connected()) {
    try {
      const body = before === undefined ? { conversationId, limit } : { conversationId, before, limit };
      const { messages, more } = await options.history(body);
      const entries = await Promise.all(messages.map((told) => remember(options, told)));
      return { entries: entries.filter(isShown), more };
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
  return {
    entries: found.slice(0, limit).reverse().filter(isShown),
    more: found.length > limit,
  };
}

/** What is done to a message is seen in the message. */
const isShown = (entry: Entry): boolean => !entry.hidden && !isChange(entry.content);

async function remember(options: HistoryOptions, told: Reply<'message.history'>['messages'][number]): Promise<Entry> {
  const kept = await readOne(options.store, entrySchema, keys.entry(told.conversationId, told.seq));
  if (kept !== undefined && kept.sentAt === told.sentAt) return kept;
  const { conversationId, seq, senderId, senderDeviceId, sentAt } = told;
  const base = { conversationId, seq, senderId, senderDeviceId, sentAt };
  if (!('mls' in told)) return { ...base, clientId: '', silent: true, hidden: true };
  const content = await options.codec.peek?.(told).catch(() => undefined);
  const entry: Entry = { ...base, clientId: told.clientId, silent: told.silent === true, hidden: false };
  if (content === undefined)
    return { ...entry, failure: { code: 'unreadable', message: 'this device has no key for it' } };
  return { ...entry, content };
}
