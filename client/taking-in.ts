import * as v from 'valibot';
import type { MessageRef } from './e2ee/content.ts';
import {
  changeOf,
  isChange,
  isOver,
  isSame,
  type Life,
  lifeKey,
  life as lifeSchema,
  lived,
  mayChange,
  over,
  refOf,
  shown,
  stripped,
  targetOf,
  vouched,
} from './life.ts';
import { type Entry, entry as entrySchema, keys, putEntry, readOne, seen } from './records.ts';
import type { Change, ClientStore } from './store.ts';

/** An entry as it is to be kept, with what it does to others. The caller holds the conversation's turn and writes. */
export interface TakenIn {
  readonly entry: Entry;
  /** Without the entry itself. */
  readonly changes: readonly Change[];
  /** Another entry that is different now. */
  readonly changed: Entry | undefined;
}

export interface TakingIn {
  readonly store: ClientStore;
  /** This device: what it deleted for everyone it also takes off the server. */
  readonly deviceId: string;
  readonly logId: string | undefined;
  /** What was sent before it has expired. */
  readonly cutoff?: number | undefined;
}

const nothing: Life = {};

export const readLife = async (store: ClientStore, conversationId: string, ref: MessageRef): Promise<Life> =>
  (await readOne(store, lifeSchema, lifeKey(conversationId, ref))) ?? nothing;

/**
 * Puts an entry into its place: a message gets what was done to it before it came; an edit, a reaction or a deletion
 * is done to its target. Doing it again changes nothing.
 */
export async function takeIn(options: TakingIn, entry: Entry): Promise<TakenIn> {
  if (entry.clientId === '' || entry.hidden) return { entry, changes: [], changed: undefined };
  return isChange(entry.content) ? takeChange(options, entry) : takeMessage(options, entry);
}

async function takeMessage(options: TakingIn, entry: Entry): Promise<TakenIn> {
  const { conversationId, seq } = entry;
  const before = await readLife(options.store, conversationId, refOf(entry));
  const expired = Date.parse(entry.sentAt) < (options.cutoff ?? Number.NEGATIVE_INFINITY);
  const now = vouched(expired ? { ...over(before), seq, gone: 'expired' } : { ...before, seq }, entry);
  return {
    entry: shown(entry, now),
    changes: [{ key: lifeKey(conversationId, refOf(entry)), value: now }, ...erasures(options, entry, now)],
    changed: undefined,
  };
}

async function takeChange(options: TakingIn, entry: Entry): Promise<TakenIn> {
  const { store } = options;
  const { conversationId } = entry;
  const content = changeOf(entry);
  const refused = { entry: { ...entry, content: undefined, hidden: true }, changes: [], changed: undefined };
  if (content === undefined) return refused;
  const before = await readLife(store, conversationId, content.target);
  const target = await entryOf(store, conversationId, content.target, before);
  const by = { userId: entry.senderId, archived: entry.archived };
  if (target !== undefined && content.type !== 'reaction' && !mayChange(by, target)) return refused;
  // A change can't be changed.
  if (target !== undefined && isChange(target.content)) return refused;

  const now = lived(before, entry, content);
  const changes: Change[] = [{ key: lifeKey(conversationId, content.target), value: now }];
  if (content.type === 'delete') changes.push(...(await stripEdits(store, conversationId, content.target, before)));
  const stale = content.type === 'edit' && isOver(now);
  const changed = target && shown(target, now);
  if (changed !== undefined) changes.push(putEntry(changed), ...erasures(options, changed, now));
  const isNew = JSON.stringify(changed) !== JSON.stringify(target);
  return { entry: stale ? stripped(entry) : entry, changes, changed: isNew ? changed : undefined };
}

/** Takes a message away from this device, and from the server nothing. */
export async function takeAway(
  store: ClientStore,
  entry: Entry,
  gone: 'removed' | 'expired',
): Promise<{ entry: Entry; changes: readonly Change[] }> {
  const { conversationId } = entry;
  if (isChange(entry.content)) return { entry: stripped(entry), changes: [putEntry(stripped(entry))] };
  const before = await readLife(store, conversationId, refOf(entry));
  const now: Life = { ...over(before), seq: entry.seq, gone };
  const after = shown(entry, now);
  return {
    entry: after,
    changes: [
      putEntry(after),
      { key: lifeKey(conversationId, refOf(entry)), value: now },
      ...(await stripEdits(store, conversationId, refOf(entry), before)),
    ],
  };
}

async function entryOf(
  store: ClientStore,
  conversationId: string,
  ref: MessageRef,
  { seq }: Life,
): Promise<Entry | undefined> {
  if (seq === undefined) return undefined;
  const found = await readOne(store, entrySchema, keys.entry(conversationId, seq));
  return found?.clientId === ref.clientId && found.senderDeviceId === ref.deviceId ? found : undefined;
}

/** Takes the texts out of the edits of a message, wherever they are. */
async function stripEdits(store: ClientStore, conversationId: string, target: MessageRef, { edits = [] }: Life) {
  const changes: Change[] = [];
  for (const seq of edits) {
    const kept = await readOne(store, entrySchema, keys.entry(conversationId, seq));
    if (kept !== undefined && isSame(targetOf(kept), target)) changes.push(putEntry(stripped(kept)));
  }
  for (const { key, value } of await store.list({ prefix: keys.allSeen(conversationId) })) {
    const waiting = v.safeParse(seen, value);
    if (waiting.success && isSame(targetOf(waiting.output.entry), target))
      changes.push({ key, value: { ...waiting.output, entry: stripped(waiting.output.entry) } });
  }
  return changes;
}

/** What the server is to forget, because this device deleted it for everyone. Kept until the server has answered. */
function erasures({ deviceId, logId }: TakingIn, target: Entry, now: Life): Change[] {
  if (logId === undefined || !isOver(now) || now.deleted?.deviceId !== deviceId) return [];
  const { conversationId } = target;
  return [target.seq, ...(now.edits ?? [])].map((seq) => ({
    key: keys.erasure(conversationId, seq),
    value: { conversationId, seq, logId },
  }));
}
