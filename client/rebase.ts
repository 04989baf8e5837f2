import type { Reply, RequestInput } from '../protocol/index.ts';
import type { MessageRef } from './e2ee/content.ts';
import { SottoError } from './errors.ts';
import { lifeKey, rebasedLife, refOf, targetOf } from './life.ts';
import {
  type Entry,
  entry as entrySchema,
  keys,
  type Position,
  putHandled,
  putReceived,
  readAll,
  readOne,
} from './records.ts';
import type { Change, ClientStore } from './store.ts';
import { readLife } from './taking-in.ts';

export interface RebaseOptions {
  readonly store: ClientStore;
  readonly deviceId: string;
  readonly conversationId: string;
  readonly logId: string;
  readonly before: Position;
  history(body: RequestInput<'message.history'>): Promise<Reply<'message.history'>>;
}

export interface Rebased {
  readonly position: Position;
  readonly changes: readonly Change[];
  /** What this device had sent, and the new log does not have. */
  readonly lost: readonly Entry[];
}

const PAGE = 200;

/**
 * The server's database was restored, and its log may have forgotten entries and gone on in another way. What both
 * logs have at the same place stays. The rest is taken out of the order, but kept, and recognised when it comes again.
 */
export async function rebase(options: RebaseOptions): Promise<Rebased> {
  const { store, conversationId, logId, before, deviceId } = options;
  const { common, present } = await compare(options);
  const changes: Change[] = [];
  const lost: Entry[] = [];
  const lives = new Map<string, MessageRef>();
  const beyond = { prefix: keys.entries(conversationId), above: keys.entry(conversationId, common) };
  for (const entry of await readAll(store, entrySchema, beyond)) {
    changes.push({ key: keys.entry(conversationId, entry.seq) });
    if (entry.clientId === '') continue;
    const value = { entry, handled: entry.seq <= before.handled };
    changes.push({ key: keys.seen(conversationId, entry.senderDeviceId, entry.clientId), value });
    const target = targetOf(entry) ?? refOf(entry);
    lives.set(lifeKey(conversationId, target), target);
    if (entry.senderDeviceId === deviceId && !present.has(entry.clientId)) lost.push(entry);
  }
  for (const [key, ref] of lives)
    changes.push({ key, value: rebasedLife(await readLife(store, conversationId, ref), common) });
  // What was deleted there is in the log no more, or comes again with its deletion.
  const above = { prefix: keys.erasures(conversationId), above: keys.erasure(conversationId, common) };
  for (const { key } of await store.list(above)) changes.push({ key });
  changes.push({ key: keys.expired(conversationId) });
  const position = { logId, received: common, handled: Math.min(before.handled, common) };
  return {
    position,
    changes: [
      ...changes,
      putReceived(conversationId, logId, position.received),
      putHandled(conversationId, logId, position.handled),
    ],
    lost,
  };
}

/** The highest seq up to which both logs are the same, and this device's client ids above it in the new one. */
async function compare(options: RebaseOptions): Promise<{ common: number; present: Set<string> }> {
  const { store, conversationId, before, deviceId, history } = options;
  const present = new Set<string>();
  for (let below: number | undefined; ; ) {
    const page = await history(
      below === undefined ? { conversationId, limit: PAGE } : { conversationId, before: below, limit: PAGE },
    ).catch((error: unknown) => {
      // The conversation itself is younger than the backup.
      if (error instanceof SottoError && error.code === 'not_found') return { messages: [], more: false };
      throw error;
    });
    for (const told of page.messages.toReversed()) {
      below = told.seq;
      if (told.seq <= before.received) {
        const kept = await readOne(store, entrySchema, keys.entry(conversationId, told.seq));
        if (kept !== undefined && isSameEntry(kept, told)) return { common: told.seq, present };
      }
      if ('clientId' in told && told.senderDeviceId === deviceId) present.add(told.clientId);
    }
    if (!page.more || page.messages.length === 0) return { common: 0, present };
  }
}

const isSameEntry = (kept: Entry, told: Reply<'message.history'>['messages'][number]): boolean =>
  kept.senderDeviceId === told.senderDeviceId &&
  kept.sentAt === told.sentAt &&
  kept.clientId === ('clientId' in told ? told.clientId : '');
