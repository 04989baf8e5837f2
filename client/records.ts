import * as v from 'valibot';
import { search, wrap } from '../protocol/message.ts';
import { bytes, epoch, MAX_CONTENT_BYTES, mark, seq, timestamp, uuid } from '../protocol/scalars.ts';
import { content } from './codec.ts';
import type { Change, ClientStore, Range } from './store.ts';
import { keyNumber } from './store.ts';

const reason = v.object({ code: v.string(), message: v.string() });

/** How far this device is in one conversation's log: up to where its entries are in the store. */
export const received = v.object({ logId: uuid, seq: mark });
/** Up to where the application's handler has seen them. */
export const handled = received;

/** One entry of a conversation's log as this device keeps it. */
export const entry = v.object({
  conversationId: uuid,
  seq,
  senderId: uuid,
  senderDeviceId: uuid,
  /** Empty for an entry that is no message. */
  clientId: v.string(),
  sentAt: timestamp,
  silent: v.boolean(),
  /** Nothing to show: a commit, for example. */
  hidden: v.boolean(),
  /** Absent when it is hidden or could not be read. */
  content: v.optional(content),
  failure: v.optional(reason),
  /**
   * Read with a key of the conversation's archive, because it is from before this device was there: any member of that
   * time could have written it in its sender's name; the server could not.
   */
  archived: v.optional(v.boolean()),
  /** Hidden because it is from before this device was in the group; `history` may read it from the archive. */
  missed: v.optional(v.boolean()),
  /** When its text was last changed by its author. */
  editedAt: v.optional(timestamp),
  /** Who reacted with what, the first reaction first. */
  reactions: v.optional(v.array(v.object({ emoji: v.string(), userIds: v.array(uuid) }))),
  /** Its author deleted it for everyone, or it expired: there is no content any more. */
  deleted: v.optional(v.boolean()),
  /** Of a message of this device: for whom the codec encrypted it. */
  audience: v.optional(v.string()),
});

/** A message that this device deleted for everyone and that the server has not confirmed to have forgotten. */
export const erasure = v.object({ conversationId: uuid, seq, logId: uuid });

/** How far expiry has looked through a conversation. */
export const passed = v.object({ seq: mark });

const ciphertext = bytes(MAX_CONTENT_BYTES);

/** A message of this device on its way into the log. */
export const outgoing = v.object({
  /** The order within its conversation. */
  n: v.number(),
  clientId: uuid,
  conversationId: uuid,
  content,
  silent: v.boolean(),
  createdAt: timestamp,
  /** Once encoded, exactly these bytes are sent until there is an answer. */
  wire: v.optional(
    v.object({
      epoch,
      mls: ciphertext,
      content: v.optional(ciphertext),
      wrap: v.optional(wrap),
      search: v.optional(search),
    }),
  ),
  /** In the log, but entries before it have not come in yet. */
  stored: v.optional(v.object({ logId: uuid, seq, sentAt: timestamp })),
  failed: v.optional(reason),
  /** For whom it was last encoded. */
  audience: v.optional(v.string()),
  /** It was in the log that a restored server lost: it goes to nobody else than before. */
  again: v.optional(v.boolean()),
});

/** What was received under an earlier log and is expected to come again: recognised by its sender's device and client id. */
export const seen = v.object({ entry, handled: v.boolean() });

export interface Position {
  readonly logId: string;
  readonly received: number;
  readonly handled: number;
}
export type Entry = v.InferOutput<typeof entry>;
export type OutgoingRecord = v.InferOutput<typeof outgoing>;
export type Erasure = v.InferOutput<typeof erasure>;
export type SeenRecord = v.InferOutput<typeof seen>;

export const keys = {
  allReceived: 'received/',
  received: (conversationId: string) => `received/${conversationId}`,
  handled: (conversationId: string) => `handled/${conversationId}`,
  entries: (conversationId: string) => `entry/${conversationId}/`,
  entry: (conversationId: string, at: number) => `entry/${conversationId}/${keyNumber(at)}`,
  allOutgoing: 'outgoing/',
  outgoing: (record: { conversationId: string; n: number }) =>
    `outgoing/${record.conversationId}/${keyNumber(record.n)}`,
  allSeen: (conversationId: string) => `seen/${conversationId}/`,
  seen: (conversationId: string, deviceId: string, clientId: string) =>
    `seen/${conversationId}/${deviceId}/${clientId}`,
  allErasures: 'erase/',
  erasures: (conversationId: string) => `erase/${conversationId}/`,
  erasure: (conversationId: string, at: number) => `erase/${conversationId}/${keyNumber(at)}`,
  wish: (conversationId: string) => `wish/${conversationId}`,
  /** Up to where everything old enough was taken away. */
  expired: (conversationId: string) => `expired/${conversationId}`,
  conversations: 'conversation/',
  conversation: (id: string) => `conversation/${id}`,
} as const;

/** The values of a range that are what they should be; others are as good as absent. */
export async function readAll<S extends v.GenericSchema>(
  store: ClientStore,
  schema: S,
  range: Range,
): Promise<v.InferOutput<S>[]> {
  const found: v.InferOutput<S>[] = [];
  for (const item of await store.list(range)) {
    const result = v.safeParse(schema, item.value);
    if (result.success) found.push(result.output);
  }
  return found;
}

export async function readOne<S extends v.GenericSchema>(
  store: ClientStore,
  schema: S,
  key: string,
): Promise<v.InferOutput<S> | undefined> {
  const result = v.safeParse(schema, await store.get(key));
  return result.success ? result.output : undefined;
}

export const putEntry = (value: Entry): Change => ({ key: keys.entry(value.conversationId, value.seq), value });
export const putReceived = (conversationId: string, logId: string, at: number): Change => ({
  key: keys.received(conversationId),
  value: { logId, seq: at },
});
export const putHandled = (conversationId: string, logId: string, at: number): Change => ({
  key: keys.handled(conversationId),
  value: { logId, seq: at },
});
