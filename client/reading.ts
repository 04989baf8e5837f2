import { delay } from './clock.ts';
import type { Decoded } from './codec.ts';
import { reasonOf, SottoError } from './errors.ts';
import type { InboxOptions } from './inbox.ts';
import { type Arrival, clientIdOf } from './lane.ts';
import { backoffMs } from './reconnect.ts';
import { type Entry, keys, putEntry, readOne, type SeenRecord, seen } from './records.ts';
import { Stopped } from './steady.ts';
import type { Change } from './store.ts';

const DECODE_TRIES = 3;

/** An entry as it is kept now, and whether the application is still to see it. */
export interface ReadEntry {
  readonly entry: Entry;
  readonly show: boolean;
}

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
  changes: readonly Change[],
  unreadable: string | undefined,
): Promise<ReadEntry> {
  const { write, me } = options;
  const clientId = clientIdOf(arrival) ?? '';
  const origin = originOf(arrival, me());
  const before = await seenBefore(options, conversationId, origin.senderDeviceId, clientId);
  const base = { conversationId, seq: arrival.seq, clientId, hidden: false, ...origin };
  const forget: Change[] =
    before === undefined ? [] : [{ key: keys.seen(conversationId, origin.senderDeviceId, clientId) }];

  const record = origin.senderDeviceId === me().deviceId ? options.outgoing(clientId) : undefined;
  if (record !== undefined && record.conversationId === conversationId) {
    const entry: Entry = { ...base, silent: record.silent, content: record.content };
    await write([putEntry(entry), { key: keys.outgoing(record) }, ...forget, ...changes]);
    options.onSettled(record, arrival.seq, origin.sentAt);
    return { entry, show: before?.handled !== true };
  }
  if (before !== undefined) {
    const entry: Entry = { ...before.entry, ...base };
    await write([putEntry(entry), ...forget, ...changes]);
    return { entry, show: !before.handled };
  }
  let entry: Entry;
  let decoded: Decoded = { is: 'nothing' };
  if (unreadable !== undefined || arrival.is === 'reply') {
    const message = unreadable ?? 'this device no longer has what it sent';
    entry = { ...base, failure: { code: 'unreadable', message } };
  } else {
    decoded = await options.codec.decode(arrival.entry);
    entry = decoded.is === 'content' ? { ...base, content: decoded.content } : { ...base, hidden: true };
  }
  await write([putEntry(entry), ...(decoded.changes ?? []), ...changes]);
  return { entry, show: !entry.hidden };
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
