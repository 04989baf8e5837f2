import type { Reply } from '../protocol/index.ts';
import type { MessageCodec } from './codec.ts';
import { reasonOf, SottoError } from './errors.ts';
import { refOf } from './life.ts';
import {
  type Entry,
  entry as entrySchema,
  keys,
  passed as passedRecord,
  putEntry,
  readAll,
  readOne,
} from './records.ts';
import type { SteadyWrite } from './steady.ts';
import type { Change, ClientStore } from './store.ts';
import { readLife, takeIn } from './taking-in.ts';
import type { Turns } from './turns.ts';

type Told = Reply<'message.history'>['messages'][number];

export interface ReadBackOptions {
  readonly store: ClientStore;
  readonly write: SteadyWrite;
  readonly codec: MessageCodec;
  readonly turns: Turns;
  me(): { readonly deviceId: string };
  logId(): string | undefined;
  /** What was sent before this moment has expired. */
  cutoff(conversationId: string): number;
  onChanged(entry: Entry): void;
}

/**
 * A page of the server's log as entries of this device: what is in the store is not read again; what could be read now
 * for the first time is stored, all of it in one batch, and so found by `history` and `search` from then on. What can't
 * be read is not stored, because its key may still come.
 */
export async function readBack(options: ReadBackOptions, page: readonly Told[]): Promise<Entry[]> {
  const { store, codec, turns, write, me, logId, onChanged } = options;
  const [first, last] = [page[0], page.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { conversationId } = first;
  const log = logId();
  const kept = await heldBetween(store, conversationId, first.seq, last.seq);
  const found = await Promise.all(page.map((told) => look(codec, told, kept.get(told.seq))));
  if (found.every(({ isNew }) => !isNew)) return found.map(({ entry }) => entry);
  return turns.run(conversationId, async () => {
    if (logId() !== log) throw new SottoError('unavailable', 'the log became another one');
    const pages = overlaid(store);
    const places = new Map<number, Entry>();
    const changed: Entry[] = [];
    const cutoff = options.cutoff(conversationId);
    const present = await heldBetween(store, conversationId, first.seq, last.seq);
    for (const { entry: read, isNew } of found) {
      const now = isNew ? present.get(read.seq) : undefined;
      // It came another way while this waited for its turn.
      if (!isNew || isFinal(now)) {
        places.set(read.seq, now ?? read);
        continue;
      }
      const life = read.clientId === '' ? {} : await readLife(pages.store, conversationId, refOf(read));
      if (life.seq !== undefined && life.seq !== read.seq) {
        places.set(read.seq, failed(read, 'unreadable', 'The server shows a message at a second place.'));
        continue;
      }
      const taken = await takeIn({ store: pages.store, deviceId: me().deviceId, logId: log, cutoff }, read);
      pages.add([putEntry(taken.entry), ...taken.changes]);
      places.set(read.seq, taken.entry);
      if (taken.changed === undefined) continue;
      if (places.has(taken.changed.seq)) places.set(taken.changed.seq, taken.changed);
      else changed.push(taken.changed);
    }
    pages.add(await lookedAtAgain(store, conversationId, [...places.values()]));
    await write(pages.changes());
    for (const entry of changed) onChanged(entry);
    return page.map(({ seq }) => places.get(seq)).filter((entry) => entry !== undefined);
  });
}

/** Expiry has passed the places of entries that come only now: it begins with them again, whatever is agreed on later. */
async function lookedAtAgain(store: ClientStore, conversationId: string, entries: readonly Entry[]): Promise<Change[]> {
  const passed = (await readOne(store, passedRecord, keys.expired(conversationId)))?.seq ?? 0;
  const first = Math.min(...entries.flatMap(({ seq, content }) => (content === undefined ? [] : [seq])));
  return first > passed ? [] : [{ key: keys.expired(conversationId), value: { seq: first - 1 } }];
}

const isFinal = (kept: Entry | undefined): boolean => kept !== undefined && kept.missed !== true;

async function heldBetween(store: ClientStore, conversationId: string, first: number, last: number) {
  const held = await readAll(store, entrySchema, {
    prefix: keys.entries(conversationId),
    above: keys.entry(conversationId, first - 1),
    below: keys.entry(conversationId, last + 1),
    limit: last - first + 1,
  });
  return new Map(held.map((entry) => [entry.seq, entry]));
}

/** The entry, and whether it is to be stored. */
async function look(
  codec: MessageCodec,
  told: Told,
  kept: Entry | undefined,
): Promise<{ entry: Entry; isNew: boolean }> {
  if (kept !== undefined && isFinal(kept) && kept.sentAt === told.sentAt) return { entry: kept, isNew: false };
  const { conversationId, seq, senderId, senderDeviceId, sentAt } = told;
  const base = { conversationId, seq, senderId, senderDeviceId, sentAt };
  if (!('clientId' in told) || 'commit' in told)
    return { entry: { ...base, clientId: '', silent: true, hidden: true }, isNew: true };
  const entry: Entry = { ...base, clientId: told.clientId, silent: told.silent === true, hidden: false };
  if (told.deleted === true) return { entry: { ...entry, deleted: true }, isNew: false };
  if (codec.peek === undefined)
    return { entry: failed(entry, 'unreadable', 'It is too late to read it.'), isNew: false };
  try {
    const peeked = await codec.peek(told);
    if (peeked.is === 'nothing') return { entry: { ...entry, hidden: true }, isNew: false };
    if (peeked.is === 'unreadable') return { entry: { ...entry, failure: peeked.failure }, isNew: false };
    const { content, archived } = peeked;
    return { entry: { ...entry, content, ...(archived === true ? { archived } : {}) }, isNew: true };
  } catch (error) {
    // Something could not be asked just now; another time it may.
    if (error instanceof SottoError && error.retry === 'same') throw error;
    return { entry: failed(entry, 'unreadable', reasonOf(error)), isNew: false };
  }
}

const failed = (entry: Entry, code: string, message: string): Entry => {
  const { content: _, ...rest } = entry;
  return { ...rest, failure: { code, message } };
};

/** A store as it will be when the changes that were added are written. */
function overlaid(store: ClientStore) {
  const values = new Map<string, unknown>();
  const known = new Map<string, unknown>();
  async function get(key: string): Promise<unknown> {
    if (values.has(key)) return values.get(key);
    if (!known.has(key)) known.set(key, await store.get(key));
    return known.get(key);
  }
  return {
    store: { ...store, get },
    add(changes: readonly Change[]): void {
      for (const { key, value } of changes) values.set(key, value);
    },
    changes: (): Change[] => [...values].map(([key, value]) => (value === undefined ? { key } : { key, value })),
  };
}
