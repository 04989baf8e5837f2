import type { Conversation, Reply, RequestInput } from '../../protocol/index.ts';
import { MAX_SEARCH_KEYS } from '../../protocol/message.ts';
import type { SearchKeys } from '../codec.ts';
import { SottoError } from '../errors.ts';
import { changeOf } from '../life.ts';
import { type ReadBackOptions, readBack } from '../read-back.ts';
import { type Entry, entry as entrySchema, readOne, keys as storeKeys } from '../records.ts';
import { readLife } from '../taking-in.ts';
import { limitOf, phrasesIn, readCursor, type SearchInput, type SearchPage, searchable } from './search.ts';
import { snippetOf } from './snippet.ts';

type Query = RequestInput<'message.search'>['queries'][number];
type Found = Reply<'message.search'>;
type Match = Found['matches'][number];

export interface RemoteOptions extends ReadBackOptions {
  connected(): boolean;
  conversations(): readonly Conversation[];
  /** True where the members want it and the server allows it. */
  searches(conversationId: string): Promise<boolean>;
  /** Blind tags of a text; undefined where there is nothing to ask. */
  searchKeys(conversationId: string, text: string): Promise<SearchKeys | undefined>;
  find(body: RequestInput<'message.search'>): Promise<Found>;
  history(body: RequestInput<'message.history'>): Promise<Reply<'message.history'>>;
  onProblem(problem: unknown): void;
}

interface RemoteQuery {
  readonly input: SearchInput;
  readonly before: Date | undefined;
  /** As many as fit are wanted. */
  readonly limit: number;
  /** Verifies a hit: tags are blind, and a text may have been changed. */
  readonly fits: (entry: Entry) => boolean;
}

const MAX_QUERIES = 100;
const MAX_ROUNDS = 8;
const AT_ONCE = 8;
/** An edit is found by its own tags; what it changed is looked for so far before it. */
const BEFORE_EDIT = 200;

/** Asks the server for a page of messages that this device may not hold, and reads them back into its store. */
export async function askServer(options: RemoteOptions, input: SearchInput): Promise<SearchPage['remote']> {
  const phrases = phrasesIn(input);
  if (phrases.length === 0 && input.text?.trim()) return 'none';
  const past = input.cursor === undefined ? undefined : new Date(readCursor(input.cursor).sentAt + 1);
  const before = past === undefined || (input.before !== undefined && input.before < past) ? input.before : past;
  const fits = (entry: Entry) => {
    const found = searchable(entry);
    return found !== undefined && snippetOf(found.text, phrases) !== undefined;
  };
  try {
    return (await fetchMatches(options, { input, before, limit: limitOf(input), fits })) ? 'included' : 'none';
  } catch (error) {
    // What this device holds is found all the same.
    if (!(error instanceof SottoError) || error.retry !== 'same') options.onProblem(error);
    return 'unavailable';
  }
}

/** True if the server was asked. */
async function fetchMatches(options: RemoteOptions, query: RemoteQuery): Promise<boolean> {
  let queries = await queriesFor(options, query);
  if (queries.length === 0) return false;
  if (!options.connected()) throw new SottoError('unavailable', 'there is no connection');
  let fitting = 0;
  for (let round = 0; round < MAX_ROUNDS && fitting < query.limit && queries.length > 0; round += 1) {
    const asked = queries;
    try {
      const found = await options.find({ queries: asked, limit: query.limit });
      for (let at = 0; at < found.matches.length; at += AT_ONCE) {
        const entries = found.matches.slice(at, at + AT_ONCE).map((match) => fetchOne(options, match));
        fitting += (await Promise.all(entries)).filter((entry) => entry !== undefined && query.fits(entry)).length;
      }
      queries = found.more ? following(asked, found) : [];
    } catch (error) {
      const without = error instanceof SottoError && ['conflict', 'not_found'].includes(error.code);
      const gone = without ? error.details?.conversationId : undefined;
      if (gone === undefined) throw error;
      // The members thought otherwise meanwhile, or this device was not told that it left.
      queries = asked.filter(({ conversationId }) => conversationId !== gone);
    }
  }
  return true;
}

async function queriesFor(options: RemoteOptions, query: RemoteQuery): Promise<Query[]> {
  const { text = '', from, conversationId, after } = query.input;
  const { before } = query;
  const narrowed = {
    ...(from === undefined ? {} : { senderId: from }),
    ...(after === undefined ? {} : { sentFrom: after.toISOString() }),
    ...(before === undefined ? {} : { sentBefore: before.toISOString() }),
  };
  const queries: Query[] = [];
  let room = MAX_SEARCH_KEYS;
  for (const { id } of options.conversations()) {
    if (queries.length === MAX_QUERIES || room === 0) break;
    if (conversationId !== undefined && id !== conversationId) continue;
    // Who wrote when is what the server knows anyway.
    if (text.trim() === '') {
      queries.push({ conversationId: id, ...narrowed });
      continue;
    }
    const keys = (await options.searches(id)) ? await options.searchKeys(id, text) : undefined;
    if (keys === undefined) continue;
    queries.push({ conversationId: id, ...narrowed, keys: keys.slice(0, room) });
    room -= Math.min(room, keys.length);
  }
  return queries;
}

/** The same again, from where the answer ended. */
function following(asked: readonly Query[], { next = [] }: Found): Query[] {
  return asked.flatMap((query) => {
    const go = next.find(({ conversationId }) => conversationId === query.conversationId);
    return go === undefined ? [] : [go.before === undefined ? query : { ...query, before: go.before }];
  });
}

/** The message a match means, as it is now. */
async function fetchOne(options: RemoteOptions, { conversationId, seq }: Match): Promise<Entry | undefined> {
  const { store } = options;
  const held = (at: number) => readOne(store, entrySchema, storeKeys.entry(conversationId, at));
  const before = await held(seq);
  const entry = before?.content === undefined ? await readPage(options, conversationId, seq, 1) : before;
  const change = entry && changeOf(entry);
  if (change === undefined) return entry;
  const place = async () => (await readLife(store, conversationId, change.target)).seq;
  if ((await place()) === undefined) await readPage(options, conversationId, seq, BEFORE_EDIT);
  const at = await place();
  return at === undefined ? undefined : held(at);
}

async function readPage(options: RemoteOptions, conversationId: string, upTo: number, limit: number) {
  const { messages } = await options.history({ conversationId, before: upTo + 1, limit });
  return (await readBack(options, messages)).at(-1);
}
