import type { Reply, RequestInput } from '../protocol/index.ts';
import { SottoError } from './errors.ts';
import { isChange } from './life.ts';
import { type ReadBackOptions, readBack } from './read-back.ts';
import { type Entry, entry as entrySchema, keys, readAll } from './records.ts';

export interface HistoryOptions extends ReadBackOptions {
  connected(): boolean;
  history(body: RequestInput<'message.history'>): Promise<Reply<'message.history'>>;
}

/** At most one of `before` and `after`; without both, the newest page. */
export interface HistoryInput {
  readonly before?: number;
  readonly after?: number;
  /** 50 unless told, 200 at most. */
  readonly limit?: number;
}

export interface HistoryPage {
  /** In seq order. */
  readonly entries: Entry[];
  /** There is more in the direction that was asked for. */
  readonly more: boolean;
  /** The `before` or `after` of the next page, if there is more. */
  readonly next?: number;
  /** True without a connection: what this device holds, with gaps where it holds nothing. */
  readonly offline: boolean;
}

interface Step {
  readonly entries: readonly Entry[];
  readonly more: boolean;
}

const MAX_LIMIT = 200;

/**
 * A page of a conversation's past: from the server, read from this device's store where that has it, else from the
 * conversation's archive; without a connection from the store alone. Entries with nothing to show don't count.
 */
export async function readHistory(
  options: HistoryOptions,
  conversationId: string,
  input: HistoryInput,
): Promise<HistoryPage> {
  if (input.before !== undefined && input.after !== undefined)
    throw new SottoError('bad_request', 'Give before or after, not both.');
  if (options.connected()) {
    try {
      return { ...(await collect(input, (from) => fromServer(options, conversationId, from))), offline: false };
    } catch (error) {
      if (!(error instanceof SottoError) || error.retry !== 'same') throw error;
    }
  }
  return { ...(await collect(input, (from) => fromStore(options, conversationId, from))), offline: true };
}

/** As many steps as it takes to fill a page. */
async function collect(
  { before, after, limit = 50 }: HistoryInput,
  step: (from: HistoryInput & { readonly limit: number }) => Promise<Step>,
): Promise<Omit<HistoryPage, 'offline'>> {
  const wanted = Math.max(1, Math.min(limit, MAX_LIMIT));
  const forward = after !== undefined;
  let entries: Entry[] = [];
  let from = { ...(before === undefined ? {} : { before }), ...(forward ? { after } : {}) };
  for (;;) {
    const found = await step({ ...from, limit: wanted });
    const shown = found.entries.filter(isShown);
    entries = forward ? [...entries, ...shown] : [...shown, ...entries];
    const edge = found.entries.at(forward ? -1 : 0)?.seq;
    if (entries.length >= wanted || !found.more || edge === undefined) {
      const kept = forward ? entries.slice(0, wanted) : entries.slice(-wanted);
      const cut = kept.length < entries.length;
      const next = cut ? kept.at(forward ? -1 : 0)?.seq : edge;
      const more = cut || (found.more && next !== undefined);
      return { entries: kept, more, ...(more && next !== undefined ? { next } : {}) };
    }
    from = forward ? { after: edge } : { before: edge };
  }
}

async function fromServer(options: HistoryOptions, conversationId: string, from: HistoryInput): Promise<Step> {
  const { messages, more } = await options.history({ conversationId, ...from });
  return { entries: await readBack(options, messages), more };
}

async function fromStore(
  { store }: HistoryOptions,
  conversationId: string,
  { before, after, limit }: HistoryInput & { readonly limit: number },
): Promise<Step> {
  const found = await readAll(store, entrySchema, {
    prefix: keys.entries(conversationId),
    limit: limit + 1,
    reverse: after === undefined,
    ...(before === undefined ? {} : { below: keys.entry(conversationId, before) }),
    ...(after === undefined ? {} : { above: keys.entry(conversationId, after) }),
  });
  const entries = found.slice(0, limit);
  return { entries: after === undefined ? entries.reverse() : entries, more: found.length > limit };
}

/** What is done to a message is seen in the message, also where only the server knows that something was done. */
const isShown = ({ hidden, content, deleted, silent }: Entry): boolean =>
  !hidden && !isChange(content) && !(deleted === true && silent);
