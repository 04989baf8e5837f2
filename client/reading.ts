import { delay } from './clock.ts';
import { reasonOf, SottoError } from './errors.ts';
import type { InboxOptions } from './inbox.ts';
import { type Arrival, clientIdOf } from './lane.ts';
import { backoffMs } from './reconnect.ts';
import { type Entry, entry as entrySchema, keys, putEntry, readOne, type SeenRecord, seen } from './records.ts';
import { Stopped } from './steady.ts';
import type { Change, ClientStore } from './store.ts';
import { takeIn } from './taking-in.ts';

const DECODE_TRIES = 3;
const STORE_TRIES = 8;

/** An entry as it is kept now, and whether the application is still to see it. */
export interface ReadEntry {
  readonly entry: Entry;
  readonly show: boolean;
}

/** What is from before this device was there is for `history`: it may be read long after what came later. */
export const isForHandler = (entry: Entry): boolean => !entry.hidden && entry.archived !== true;

/**
 * Turns what came in into an entry, and stores it together with `changes` in one batch. Its content is what this device
 * sent, if it did; what it read under an earlier log, if it did; else what the codec makes of it.
 */
export async function read(
  options: InboxOptions,
  conversationId: string,
  arrival: Arrival,
  changes: readonly Change[],
  still: () => boolean,
): Promise<ReadEntry> {
  const once = (unreadable?: string) =>
    options.turns.run(conversationId, () => {
      // The log became another one while this waited for its turn.
      if (!still()) throw new Stopped();
      return readOnce(options, conversationId, arrival, changes, unreadable);
    });
  for (let tries = 1; ; tries += 1) {
    try {
      return await once();
    } catch (error) {
      if (error instanceof Stopped || options.signal.aborted) throw new Stopped();
      // The codec had something to ask, and nobody answered: that says nothing about the entry.
      if (error instanceof SottoError && error.retry === 'same') tries = Math.min(tries, DECODE_TRIES - 1);
      if (tries >= DECODE_TRIES) return once(reasonOf(error));
      await delay(options.clock, backoffMs(tries, 1), options.signal);
    }
  }
}

async function readOnce(
  options: InboxOptions,
  conversationId: string,
  arrival: Arrival,
  marks: readonly Change[],
  unreadable: string | undefined,
): Promise<ReadEntry> {
  const { store, write, me, onChanged } = options;
  const clientId = clientIdOf(arrival) ?? '';
  const origin = originOf(arrival, me());
  const base = { conversationId, seq: arrival.seq, clientId, hidden: false, ...origin };
  const before = await seenBefore(options, conversationId, origin.senderDeviceId, clientId);
  const record = origin.senderDeviceId === me().deviceId ? options.outgoing(clientId) : undefined;
  const isOwn = record !== undefined && record.conversationId === conversationId;

  const changes: Change[] = [];
  if (before !== undefined) changes.push({ key: keys.seen(conversationId, origin.senderDeviceId, clientId) });
  let read: Entry;
  if (isOwn) {
    const { silent, content, audience } = record;
    read = { ...base, silent, content, ...(audience === undefined ? {} : { audience }) };
    changes.push({ key: keys.outgoing(record) });
  } else if (before !== undefined) read = { ...before.entry, ...base, hidden: before.entry.hidden };
  else {
    const decoded = await decode(options, base, arrival, unreadable);
    read = decoded.entry.missed === true ? await readBefore(store, decoded.entry) : decoded.entry;
    changes.push(...decoded.changes);
  }
  const logId = options.greeting()?.logId;
  const cutoff = options.cutoff?.(conversationId);
  // By itself: the codec's state has moved on, and would not open the entry a second time.
  const taken = await again(options, () => takeIn({ store, deviceId: me().deviceId, logId, cutoff }, read));
  const { entry } = taken;
  await write([putEntry(entry), ...changes, ...taken.changes, ...marks]);
  if (isOwn) options.onSettled(record, arrival.seq, origin.sentAt);
  if (taken.changed !== undefined) onChanged?.(taken.changed);
  return { entry, show: isForHandler(entry) && before?.handled !== true };
}

/** For a store that can't be read just now. */
async function again<T>({ clock, signal, onProblem }: InboxOptions, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw new Stopped();
      if (tries >= STORE_TRIES) throw error;
      onProblem(error);
      await delay(clock, backoffMs(tries, 1), signal);
    }
  }
}

async function decode(
  options: InboxOptions,
  base: Entry,
  arrival: Arrival,
  unreadable: string | undefined,
): Promise<{ entry: Entry; changes: readonly Change[] }> {
  if (unreadable !== undefined || arrival.is === 'reply') {
    const message = unreadable ?? 'this device no longer has what it sent';
    return { entry: { ...base, failure: { code: 'unreadable', message } }, changes: [] };
  }
  const decoded = await options.codec.decode(arrival.entry);
  const { changes = [] } = decoded;
  // What the server has forgotten. It may say so of anything, so what this device holds of it stays.
  if ('deleted' in arrival.entry && arrival.entry.deleted === true)
    return { entry: { ...base, deleted: true, hidden: base.silent }, changes };
  if (decoded.is === 'nothing')
    return { entry: { ...base, hidden: true, ...(decoded.missed ? { missed: true } : {}) }, changes };
  return { entry: { ...base, content: decoded.content }, changes };
}

/** What `history` was quicker to read back stays as it is: this device could only note that it missed it. */
async function readBefore(store: ClientStore, missed: Entry): Promise<Entry> {
  const kept = await readOne(store, entrySchema, keys.entry(missed.conversationId, missed.seq));
  const isSame =
    kept?.clientId === missed.clientId &&
    kept.senderDeviceId === missed.senderDeviceId &&
    kept.sentAt === missed.sentAt &&
    kept.archived === true;
  return isSame ? kept : missed;
}

function originOf(arrival: Arrival, me: { userId: string; deviceId: string }) {
  if (arrival.is === 'reply') {
    return { senderId: me.userId, senderDeviceId: me.deviceId, sentAt: arrival.sentAt, silent: false };
  }
  const { senderId, senderDeviceId, sentAt } = arrival.entry;
  return { senderId, senderDeviceId, sentAt, silent: 'silent' in arrival.entry && arrival.entry.silent === true };
}

async function seenBefore(
  options: InboxOptions,
  conversationId: string,
  deviceId: string,
  clientId: string,
): Promise<SeenRecord | undefined> {
  if (clientId === '') return undefined;
  return readOne(options.store, seen, keys.seen(conversationId, deviceId, clientId));
}
