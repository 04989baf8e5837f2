import * as v from 'valibot';
import { SottoError } from '../errors.ts';
import { type Entry, entry as entrySchema, keys, readOne } from '../records.ts';
import type { ClientStore } from '../store.ts';
import type { Document } from './documents.ts';
import { LocalIndex, type Searchable } from './local-index.ts';
import { type Phrase, phrasesOf } from './query.ts';
import { type Snippet, snippetOf } from './snippet.ts';

export interface SearchInput {
  /** Every word must occur; what stands between double quotes, together and in that order. */
  readonly text?: string;
  /** The whole text must occur as it stands, as if it were quoted. */
  readonly phrase?: boolean;
  /** Only what this user wrote. */
  readonly from?: string;
  readonly conversationId?: string;
  /** Only what was sent at this moment or later. */
  readonly after?: Date;
  /** Only what was sent before this moment. */
  readonly before?: Date;
  /** 20 unless told, 100 at most. */
  readonly limit?: number;
  /** From the page before. */
  readonly cursor?: string;
}

export interface SearchHit {
  readonly entry: Entry;
  readonly snippet: Snippet;
}

export interface SearchPage {
  /**
   * Whether the server was asked for what this device does not hold: `none` = there was no conversation to ask it for;
   * `unavailable` = it could not be asked now, and only what this device holds was looked through.
   */
  readonly remote: 'none' | 'included' | 'unavailable';
  /** Newest first. */
  readonly hits: readonly SearchHit[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

const PAGE = 20;
const MAX_PAGE = 100;
const MAX_TEXT = 1_000;

/** What an entry is found by. */
export function searchable(value: unknown): Searchable | undefined {
  const read = v.safeParse(entrySchema, value);
  if (!read.success || read.output.hidden || read.output.failure?.code === 'unreadable') return undefined;
  const { conversationId, seq, senderId, sentAt, content } = read.output;
  if (content?.type !== 'text' || typeof content.text !== 'string') return undefined;
  return { conversationId, seq, senderId, sentAt: Date.parse(sentAt), text: content.text };
}

/** A store whose entries can be searched, and the search. Everything must be written through that store. */
export function searchableStore(store: ClientStore, onProblem: (problem: unknown) => void) {
  const index = new LocalIndex({ store, read: searchable, onProblem });
  return {
    store: {
      ...store,
      write: (changes) => index.write(changes),
      async close() {
        await index.settled();
        await store.close();
      },
    } satisfies ClientStore,
    /** First whatever the server finds and this device can read is put into the store; then everything is found there. */
    search: async (input: SearchInput, remote?: () => Promise<SearchPage['remote']>): Promise<SearchPage> => {
      const asked = (await remote?.()) ?? 'none';
      return { ...(await search(index, store, input)), remote: asked };
    },
  };
}

async function search(index: LocalIndex, store: ClientStore, input: SearchInput): Promise<Omit<SearchPage, 'remote'>> {
  const { text = '', conversationId, from, after, before } = input;
  const limit = limitOf(input);
  const phrases = phrasesIn(input);
  // Nothing that could be found, such as punctuation alone.
  if (phrases.length === 0 && text.trim() !== '') return { hits: [] };
  const query = {
    phrases,
    after: after?.getTime() ?? Number.NEGATIVE_INFINITY,
    before: before?.getTime() ?? Number.POSITIVE_INFINITY,
    ...(conversationId === undefined ? {} : { conversationId }),
    ...(from === undefined ? {} : { senderId: from }),
  };
  const hits: SearchHit[] = [];
  let past = input.cursor === undefined ? undefined : readCursor(input.cursor);
  for (;;) {
    const wanted = limit - hits.length;
    const found = await index.find({ ...query, limit: wanted, ...(past === undefined ? {} : { past }) });
    for (const document of found) {
      const entry = await readOne(store, entrySchema, keys.entry(document.conversationId, document.seq));
      const now = searchable(entry);
      // Changed since it was found: then the next search knows.
      const snippet = now && snippetOf(now.text, phrases);
      if (entry !== undefined && snippet !== undefined) hits.push({ entry, snippet });
    }
    past = found.at(-1);
    if (found.length < wanted || past === undefined) return { hits };
    if (hits.length === limit) return { hits, cursor: cursorOf(past) };
  }
}

export const limitOf = ({ limit = PAGE }: SearchInput): number => Math.max(1, Math.min(limit, MAX_PAGE));
export const phrasesIn = ({ text = '', phrase = false }: SearchInput): Phrase[] =>
  phrasesOf(text.slice(0, MAX_TEXT), phrase);

const cursorOf = ({ sentAt, seq, conversationId }: Document): string => `${sentAt}.${seq}.${conversationId}`;

export function readCursor(cursor: string): Document {
  const read = /^(\d{1,16})\.(\d{1,16})\.([\w-]{1,64})$/.exec(cursor);
  if (read === null) throw new SottoError('bad_request', 'that is no cursor of a search');
  const [, sentAt, seq, conversationId = ''] = read;
  return { sentAt: Number(sentAt), seq: Number(seq), conversationId, senderId: '' };
}
