import { fileSearchTags, searchMessages } from '../../sql/queries/search.queries.ts';
import { listOf } from './arrays.ts';
import type { Gate } from './gate.ts';
import { tagNumber } from './log.ts';
import type { Identity, SearchTags } from './store.ts';

export interface SearchQuery {
  readonly conversationId: string;
  /** Empty: the sender and the times alone decide. */
  readonly keys: readonly SearchTags[];
  readonly senderId: string | undefined;
  /** Milliseconds since 1970. */
  readonly sentFrom: number | undefined;
  readonly sentBefore: number | undefined;
  readonly before: number | undefined;
}

export interface Found {
  /** Newest first. */
  readonly hits: readonly { readonly seq: number; readonly sentAt: number }[];
  /** The search ended at this seq, and there may be more below it. */
  readonly further: number | undefined;
}

export type SearchAnswer =
  | { readonly state: 'found'; readonly found: readonly Found[] }
  | { readonly state: 'unauthenticated' }
  /** Not a member, or the conversation has not opted in: which one. */
  | { readonly state: 'not_found' | 'closed'; readonly conversationId: string };

export interface SearchStore {
  /** One answer for each query, in the same order, each of at most `most` messages. */
  find(identity: Identity, queries: readonly SearchQuery[], most: number): Promise<SearchAnswer>;
  /** Moves the tags that wait in the index's list to their places. */
  fileTags(): Promise<void>;
}

export function createSearchStore(gate: Gate): SearchStore {
  return {
    async find({ sessionId }, queries, most) {
      const keys = queries.flatMap((query) => query.keys);
      const params = {
        sessionId,
        conversationIds: listOf(queries.map(({ conversationId }) => conversationId)),
        senders: listOf(queries.map(({ senderId }) => senderId)),
        froms: listOf(queries.map(({ sentFrom }) => sentFrom)),
        untils: listOf(queries.map(({ sentBefore }) => sentBefore)),
        befores: listOf(queries.map(({ before }) => before)),
        keyCounts: listOf(queries.map((query) => query.keys.length)),
        keyVersions: listOf(keys.map(({ v }) => v)),
        keyTags: listOf(keys.map(({ tags }) => `"${listOf(tags.map(tagNumber))}"`)),
        most,
      };
      const rows = await gate.run('search', (sql) => searchMessages.run(params, sql));
      const found = queries.map((): { hits: { seq: number; sentAt: number }[]; further: number | undefined } => ({
        hits: [],
        further: undefined,
      }));
      for (const { n, state, seq, sentAt } of rows) {
        const conversationId = queries[n - 1]?.conversationId ?? '';
        const one = found[n - 1];
        if (state === 'unauthenticated') return { state };
        if (state === 'not_found' || state === 'closed') return { state, conversationId };
        if (state === 'further' && one !== undefined) one.further = seq;
        else if (state === 'found' && one !== undefined && sentAt !== null)
          one.hits.push({ seq, sentAt: sentAt.getTime() });
        else throw new Error(`search_messages answered ${state}`);
      }
      return { state: 'found', found };
    },
    async fileTags() {
      await gate.run('background', (sql) => fileSearchTags.run(undefined, sql));
    },
  };
}
