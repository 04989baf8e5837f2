import * as v from 'valibot';
import { tokeniserVersion } from '../e2ee/tokeniser.ts';
import type { Change, ClientStore } from '../store.ts';
import { keyNumber } from '../store.ts';
import { compareDocuments, type Document, DocumentTable, encodeDocuments } from './documents.ts';
import { documentsWith, intersect, type Phrase, phrasePlaces, placesIn, singleCharacter, tokensOf } from './query.ts';
import { WordCache } from './word-cache.ts';
import { encodeWords, type Postings, type TokenPlaces, type WordTable } from './words.ts';

/** Goes up when segments are written in another way; the tokeniser's version counts too. */
const FORMAT = 1;
/** Messages that are indexed in memory until they become a segment. */
const SEAL_AT = 1_024;
/** So many segments of that size become one. */
const MERGE_AT = 8;
/** A segment of which one message in so many is gone is written anew. */
const WORN_AT = 4;
const BUILD_PAGE = 512;
const CACHE_BYTES = 16 * 1024 * 1024;

const entryPrefix = 'entry/';
const touchedPrefix = 'search/touched/';
const manifestKey = 'search/index';
const documentsKey = (id: number) => `search/documents/${keyNumber(id)}`;
const wordsKey = (id: number) => `search/words/${keyNumber(id)}`;

const manifest = v.object({
  format: v.number(),
  tokeniser: v.number(),
  next: v.number(),
  segments: v.array(v.object({ id: v.number(), dead: v.array(v.number()) })),
});

export interface Searchable extends Document {
  readonly text: string;
}

export interface IndexQuery {
  readonly phrases: readonly Phrase[];
  readonly conversationId?: string;
  readonly senderId?: string;
  readonly after: number;
  readonly before: number;
  /** Only what comes after this one in the order of hits. */
  readonly past?: Document;
  readonly limit: number;
}

interface Segment {
  readonly id: number;
  readonly documents: DocumentTable;
}
interface Recent {
  readonly document: Document;
  readonly tokens: ReadonlyMap<string, readonly number[]>;
}

export interface LocalIndexOptions {
  readonly store: ClientStore;
  /** What a stored entry is found by; undefined for nothing. */
  readonly read: (value: unknown) => Searchable | undefined;
  readonly onProblem: (problem: unknown) => void;
  readonly sealAt?: number;
  readonly cacheBytes?: number;
}

/**
 * A full-text index of the entries in a store. The newest changes are in memory; whoever writes an entry notes in the
 * same batch that it was touched (`changesFor`), so that after a crash they are read again. From time to time they become
 * a segment: immutable, with tables of messages and of words. Everything here can be made again from the entries.
 */
export class LocalIndex {
  readonly #options: LocalIndexOptions;
  readonly #store: ClientStore;
  readonly #sealAt: number;
  readonly #cache: WordCache;
  readonly #recent = new Map<string, Recent>();
  /** Entry keys that are noted in the store as touched, each with what tells this touch from a later one. */
  readonly #touched = new Map<string, object>();
  /** Entries whose write is under way: their notes must stay. */
  readonly #writing = new Map<string, number>();
  #segments: Segment[] = [];
  #next = 1;
  #opened: Promise<void> | undefined;
  #sealing: Promise<void> | undefined;

  constructor(options: LocalIndexOptions) {
    this.#options = options;
    this.#store = options.store;
    this.#sealAt = options.sealAt ?? SEAL_AT;
    this.#cache = new WordCache(options.cacheBytes ?? CACHE_BYTES);
  }

  /** Reads what there is, or builds it. Calling it again waits for the same. */
  open(): Promise<void> {
    this.#opened ??= this.#load();
    return this.#opened;
  }

  /** Memory that does not depend on the cache's bound: messages in segments, and messages not yet in one. */
  get size(): { documents: number; recent: number; segments: number; cachedBytes: number } {
    const documents = this.#segments.reduce((sum, each) => sum + each.documents.count - each.documents.dead.size, 0);
    return { documents, recent: this.#recent.size, segments: this.#segments.length, cachedBytes: this.#cache.bytes };
  }

  /** Writes entries together with the note that they were touched, and takes them in when that is durable. */
  async write(changes: readonly Change[]): Promise<void> {
    const entries = changes.filter(({ key }) => key.startsWith(entryPrefix));
    if (entries.length === 0) return this.#store.write(changes);
    for (const { key } of entries) this.#writing.set(key, (this.#writing.get(key) ?? 0) + 1);
    try {
      await this.#store.write([...changes, ...entries.map(({ key }) => ({ key: touchedPrefix + key, value: 1 }))]);
    } finally {
      for (const { key } of entries) {
        const left = (this.#writing.get(key) ?? 1) - 1;
        if (left === 0) this.#writing.delete(key);
        else this.#writing.set(key, left);
      }
    }
    for (const { key, value } of entries) this.#take(key, value);
    this.#sealIfDue();
  }

  #take(key: string, value: unknown): void {
    this.#touched.set(key, {});
    this.#apply(key, value);
  }

  #apply(key: string, value: unknown): void {
    this.#bury(key);
    const searchable = value === undefined ? undefined : this.#options.read(value);
    this.#recent.delete(key);
    if (searchable === undefined) return;
    const { text, ...document } = searchable;
    this.#recent.set(key, { document, tokens: tokensOf(text) });
  }

  async #load(): Promise<void> {
    if (!(await this.#loadSegments())) await this.#build();
    for (const { key } of await this.#store.list({ prefix: touchedPrefix })) {
      const entryKey = key.slice(touchedPrefix.length);
      // What was written since is known better already.
      if (!this.#touched.has(entryKey)) this.#take(entryKey, await this.#store.get(entryKey));
    }
    this.#sealIfDue();
  }

  async #loadSegments(): Promise<boolean> {
    const stored = v.safeParse(manifest, await this.#store.get(manifestKey));
    if (!stored.success || stored.output.format !== FORMAT || stored.output.tokeniser !== tokeniserVersion)
      return false;
    try {
      const segments: Segment[] = [];
      for (const { id, dead } of stored.output.segments) {
        const documents = new DocumentTable((await this.#store.bytes(documentsKey(id))) ?? new Uint8Array());
        for (const at of dead) documents.dead.add(at);
        segments.push({ id, documents });
      }
      this.#next = stored.output.next;
      this.#segments = segments;
      // Written while this loaded.
      for (const key of this.#touched.keys()) this.#bury(key);
      return true;
    } catch (error) {
      this.#options.onProblem(error);
      return false;
    }
  }

  #bury(key: string): void {
    const [, conversationId = '', at = ''] = key.split('/');
    for (const { documents } of this.#segments) {
      const found = documents.find(conversationId, Number(at));
      if (found >= 0) documents.dead.add(found);
    }
  }

  /** From all entries: for a store that has no index yet, or one of another version. */
  async #build(): Promise<void> {
    const old = v.safeParse(manifest, await this.#store.get(manifestKey));
    const ids = old.success ? old.output.segments.map(({ id }) => id) : [];
    await this.#store.write(ids.flatMap((id) => [{ key: documentsKey(id) }, { key: wordsKey(id) }]));
    for (let above: string | undefined; ; ) {
      const page = await this.#store.list({
        prefix: entryPrefix,
        limit: BUILD_PAGE,
        ...(above === undefined ? {} : { above }),
      });
      for (const { key, value } of page) if (!this.#touched.has(key)) this.#apply(key, value);
      above = page.at(-1)?.key;
      if (page.length < BUILD_PAGE) break;
      if (this.#recent.size >= this.#sealAt) await this.#seal(false);
    }
    await this.#seal(true);
  }

  #sealIfDue(): void {
    if (this.#sealing !== undefined || this.#touched.size < this.#sealAt) return;
    this.#sealing = this.open()
      .then(() => this.#seal(true))
      .catch(this.#options.onProblem)
      .finally(() => {
        this.#sealing = undefined;
      });
  }

  /** Waits for a segment that is being written. */
  async settled(): Promise<void> {
    await this.#sealing;
  }

  /** Recent messages become a segment, and small segments one; `known`: the manifest says so at once. */
  async #seal(known: boolean): Promise<void> {
    const recent = [...this.#recent];
    const before = new Map(this.#touched);
    const small = this.#segments.filter(({ documents }) => documents.count < this.#sealAt * MERGE_AT);
    // What was deleted leaves its words behind; they go when a quarter of a segment is like that.
    const worn = this.#segments.filter(({ documents }) => documents.dead.size * WORN_AT >= documents.count);
    const merged = [...new Set([...(small.length >= MERGE_AT ? small : []), ...worn])];
    const changes: Change[] = [];
    const made = recent.length + merged.length === 0 ? undefined : await this.#make(recent, merged, changes);
    const segments = this.#segments.filter((each) => !merged.includes(each));
    for (const { id } of merged) changes.push({ key: documentsKey(id) }, { key: wordsKey(id) });
    const after = made === undefined ? segments : [...segments, made];
    const value = {
      format: known ? FORMAT : 0,
      tokeniser: tokeniserVersion,
      next: this.#next,
      segments: after.map(({ id, documents }) => ({ id, dead: [...documents.dead] })),
    };
    // Only what was not touched again since `recent` was taken, nor is being written now.
    const notes = [...before].filter(([key, touch]) => this.#touched.get(key) === touch && !this.#writing.has(key));
    const taken = notes.map(([key]) => ({ key: touchedPrefix + key }));
    await this.#store.write([...changes, { key: manifestKey, value }, ...taken]);
    this.#segments = after;
    for (const [key, was] of recent) if (this.#recent.get(key) === was) this.#recent.delete(key);
    for (const [key, touch] of notes) if (this.#touched.get(key) === touch) this.#touched.delete(key);
    // What was touched in the meantime is in the new segment as it was before.
    for (const [key, touch] of this.#touched) if (before.get(key) !== touch) this.#bury(key);
  }

  async #make(
    recent: readonly (readonly [string, Recent])[],
    merged: readonly Segment[],
    changes: Change[],
  ): Promise<Segment> {
    // Read before anything is decided: from here on nothing waits.
    const words = await Promise.all(merged.map((segment) => this.#words(segment)));
    const all: { document: Document; add: (at: number) => void }[] = [];
    const tokens: Map<string, [number, readonly number[]][]> = new Map();
    const put = (token: string, at: number, places: readonly number[]) => {
      const list = tokens.get(token);
      if (list === undefined) tokens.set(token, [[at, places]]);
      else list.push([at, places]);
    };
    for (const [, { document, tokens: own }] of recent)
      all.push({
        document,
        add: (at) => {
          for (const [token, places] of own) put(token, at, places);
        },
      });
    const renumbered = merged.map(({ documents }) => {
      const numbers = new Map<number, number>();
      for (let old = 0; old < documents.count; old += 1) {
        if (!documents.dead.has(old)) all.push({ document: documents.at(old), add: (at) => void numbers.set(old, at) });
      }
      return numbers;
    });
    all.sort((a, b) => compareDocuments(a.document, b.document));
    for (const [at, { add }] of all.entries()) add(at);
    for (const [i, table] of words.entries()) {
      for (const [token, { documents, starts, places }] of table.beginning('')) {
        for (const [n, old] of documents.entries()) {
          const at = renumbered[i]?.get(old);
          if (at !== undefined) put(token, at, [...places.subarray(starts[n], starts[n + 1])]);
        }
      }
    }
    for (const list of tokens.values()) list.sort(([a], [b]) => a - b);
    const id = this.#next;
    this.#next += 1;
    const stored = encodeDocuments(all.map(({ document }) => document));
    changes.push(
      { key: documentsKey(id), value: stored },
      { key: wordsKey(id), value: encodeWords(tokens as TokenPlaces) },
    );
    return { id, documents: new DocumentTable(stored) };
  }

  #words({ id }: Segment): Promise<WordTable> {
    return this.#cache.get(id, async () => (await this.#store.bytes(wordsKey(id))) ?? new Uint8Array());
  }

  /** The newest messages that fit, newest first; there may be more if there are `limit` of them. */
  async find(query: IndexQuery): Promise<Document[]> {
    await this.open();
    for (;;) {
      const segments = this.#segments;
      try {
        return await this.#find(query, segments);
      } catch (error) {
        // A segment that was merged into another while it was read.
        if (this.#segments === segments) throw error;
      }
    }
  }

  async #find(query: IndexQuery, from: readonly Segment[]): Promise<Document[]> {
    const isPast = (document: Document) => query.past === undefined || compareDocuments(query.past, document) < 0;
    const hits: Document[] = [];
    for (const { document, tokens } of this.#recent.values())
      if (fits(document, query) && isPast(document) && has(tokens, query.phrases)) hits.push(document);
    const segments = [...from].sort((a, b) => b.documents.newest - a.documents.newest);
    for (const segment of segments) {
      const { documents } = segment;
      hits.sort(compareDocuments);
      hits.length = Math.min(hits.length, query.limit);
      if (hits.length === query.limit && (hits.at(-1)?.sentAt ?? 0) > documents.newest) break;
      if (query.past !== undefined && documents.oldest > query.past.sentAt) continue;
      const filter = documents.filter(query);
      if (filter === undefined) continue;
      const found = await this.#matching(segment, query.phrases);
      const count = found?.length ?? documents.count;
      for (let i = 0, taken = 0; i < count && taken < query.limit; i += 1) {
        const at = found === undefined ? i : (found[i] ?? 0);
        if (!filter(at)) continue;
        const document = documents.at(at);
        if (!isPast(document)) continue;
        hits.push(document);
        taken += 1;
      }
    }
    return hits.sort(compareDocuments).slice(0, query.limit);
  }

  /** Undefined for all of them. */
  async #matching(segment: Segment, phrases: readonly Phrase[]): Promise<Uint32Array | undefined> {
    if (phrases.length === 0) return undefined;
    const words = await this.#words(segment);
    const lists: Uint32Array[] = [];
    for (const phrase of phrases) {
      const found = documentsWith(phrase, (token) => postingsOf(words, token));
      if (found.length === 0) return found;
      lists.push(found);
    }
    lists.sort((a, b) => a.length - b.length);
    return lists.reduce(intersect);
  }
}

function fits(document: Document, { conversationId, senderId, after, before }: IndexQuery): boolean {
  return (
    (conversationId === undefined || document.conversationId === conversationId) &&
    (senderId === undefined || document.senderId === senderId) &&
    document.sentAt >= after &&
    document.sentAt < before
  );
}

const has = (tokens: ReadonlyMap<string, readonly number[]>, phrases: readonly Phrase[]): boolean =>
  phrases.every((phrase) => phrasePlaces(phrase, (token) => placesIn(tokens, token)).length > 0);

const none: Postings = { documents: new Uint32Array(), starts: new Uint32Array(1), places: new Uint32Array() };

function postingsOf(words: WordTable, token: string): Postings {
  const character = singleCharacter(token);
  if (character === undefined) return words.get(token) ?? none;
  const byDocument = new Map<number, Set<number>>();
  for (const [other, { documents, starts, places }] of words.beginning('b:')) {
    const shift = other.startsWith(token) ? 0 : other.endsWith(character) ? 1 : undefined;
    if (shift === undefined) continue;
    for (const [i, document] of documents.entries()) {
      const set = byDocument.get(document) ?? new Set();
      byDocument.set(document, set);
      for (const place of places.subarray(starts[i], starts[i + 1])) set.add(place + shift);
    }
  }
  const sorted = [...byDocument].sort(([a], [b]) => a - b);
  const starts = [0];
  for (const [, set] of sorted) starts.push((starts.at(-1) ?? 0) + set.size);
  return {
    documents: Uint32Array.from(sorted, ([document]) => document),
    starts: Uint32Array.from(starts),
    places: Uint32Array.from(sorted.flatMap(([, set]) => [...set].sort((a, b) => a - b))),
  };
}
