import { RequestError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Found, SearchStore } from '../store/search.ts';
import type { Handlers } from './handler.ts';

const PAGE = 50;
/** What a walk through the log counts, besides its queries: it may look at 50,000 entries. */
const WALK = 20;

export function searchHandlers(store: SearchStore, limits: Limits): Pick<Handlers, 'message.search'> {
  return {
    'message.search': async ({ queries, limit = PAGE }, { connection }) => {
      const walks = queries.some(({ keys }) => keys === undefined);
      const weight = queries.reduce((sum, { keys }) => sum + (keys?.length ?? 1), walks ? WALK : 0);
      await limits.take('search', connection.userId, weight);
      const asked = queries.map(({ conversationId, keys = [], senderId, sentFrom, sentBefore, before }) => ({
        conversationId,
        keys,
        senderId,
        sentFrom: millisecondsOf('sentFrom', sentFrom),
        sentBefore: millisecondsOf('sentBefore', sentBefore),
        before,
      }));
      // One more than can be told shows whether there are more.
      const answer = await store.find(connection, asked, limit + 1);
      if (answer.state === 'unauthenticated') throw new RequestError('unauthenticated');
      if (answer.state !== 'found') {
        const { conversationId } = answer;
        if (answer.state === 'not_found') throw new RequestError('not_found', { details: { conversationId } });
        throw new RequestError('conflict', { details: { field: 'searchOnServer', conversationId } });
      }
      return page(asked, answer.found, limit);
    },
  };
}

/** A leap second or the 31st of February looks like a time, and is none. */
function millisecondsOf(field: string, time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const milliseconds = Date.parse(time);
  if (Number.isNaN(milliseconds)) throw new RequestError('bad_request', { details: { field } });
  return milliseconds;
}

interface Hit {
  readonly conversationId: string;
  readonly seq: number;
  readonly sentAt: number;
}

function page(
  asked: readonly { readonly conversationId: string; readonly before: number | undefined }[],
  found: readonly Found[],
  limit: number,
) {
  const all = found.flatMap(({ hits }, i) =>
    hits.map((hit): Hit => ({ ...hit, conversationId: asked[i]?.conversationId ?? '' })),
  );
  const told = all.sort(newestFirst).slice(0, limit);
  const lowest = new Map(told.map(({ conversationId, seq }) => [conversationId, seq]));
  const counts = new Map<string, number>();
  for (const { conversationId } of told) counts.set(conversationId, (counts.get(conversationId) ?? 0) + 1);
  const next = asked.flatMap(({ conversationId, before }, i) => {
    const { hits = [], further } = found[i] ?? {};
    const isTold = hits.length === (counts.get(conversationId) ?? 0);
    if (isTold && further === undefined) return [];
    const from = (isTold ? further : lowest.get(conversationId)) ?? before;
    return [{ conversationId, ...(from !== undefined && { before: from }) }];
  });
  return {
    matches: told.map(({ conversationId, seq }) => ({ conversationId, seq })),
    more: next.length > 0,
    ...(next.length > 0 && { next }),
  };
}

function newestFirst(a: Hit, b: Hit): number {
  if (a.sentAt !== b.sentAt) return b.sentAt - a.sentAt;
  return a.conversationId === b.conversationId ? b.seq - a.seq : a.conversationId < b.conversationId ? -1 : 1;
}
