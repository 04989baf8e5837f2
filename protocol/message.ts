import * as v from 'valibot';
import { commitEntry } from './commit.ts';
import { event, request } from './define.ts';
import { bytes, epoch, exactBytes, isBytesBelow, MAX_CONTENT_BYTES, seq, timestamp, uuid, version } from './scalars.ts';

/** A content key wrapped (RFC 3394) under version `v` of the conversation's history key. */
export const wrap = v.object({ v: version, ct: exactBytes(40) });

const tag = exactBytes(8);

/**
 * Blind search tags under version `v` of the conversation's search key, padded to a multiple of 8; in the order of their
 * bytes, each once: any other order could tell in which order the words stand.
 */
export const search = v.object({
  v: version,
  tags: v.pipe(
    v.array(tag),
    v.minLength(8),
    v.maxLength(64),
    v.check((tags) => tags.length % 8 === 0, 'must be a multiple of 8 tags'),
    v.check((tags) => tags.every((each, i) => i === 0 || isBytesBelow(tags[i - 1] ?? '', each)), 'must be ascending'),
  ),
});

const ciphertext = bytes(MAX_CONTENT_BYTES);

/**
 * Appends one message to a conversation. The reply means that it is stored.
 * `clientId` makes it idempotent: the same id from the same device returns the first answer.
 * `search` is refused in a conversation that has not opted in, and with a key version above 64 times the message's seq
 * (each version is told in an entry, at most 64 above the last): `conflict` with `details {field: "search"}`.
 */
export const messageSend = request(
  'message.send',
  v.object({
    conversationId: uuid,
    clientId: uuid,
    epoch,
    /** An MLS PrivateMessage; opaque at epoch 0. */
    mls: ciphertext,
    /** The content under its one-message key, which travels inside `mls`. */
    content: v.optional(ciphertext),
    wrap: v.optional(wrap),
    search: v.optional(search),
    /** Silent messages do not count as unread. */
    silent: v.optional(v.boolean()),
  }),
  v.object({ seq, sentAt: timestamp, duplicate: v.boolean() }),
);

const common = {
  conversationId: uuid,
  seq,
  senderId: uuid,
  senderDeviceId: uuid,
  clientId: uuid,
  epoch,
  silent: v.optional(v.boolean()),
  sentAt: timestamp,
};

const storedMessage = v.object({
  ...common,
  mls: ciphertext,
  content: v.optional(ciphertext),
  wrap: v.optional(wrap),
  deleted: v.optional(v.never()),
});

/** A message whose ciphertext was dropped: by its author, by the conversation's expiry or by the server's retention. */
const deletedMessage = v.object({ ...common, deleted: v.literal(true) });

export const messageEntry = v.union([storedMessage, deletedMessage]);

export type StoredMessage = v.InferOutput<typeof storedMessage>;
export type DeletedMessage = v.InferOutput<typeof deletedMessage>;

/** A stored message, to every device of every member except the connection that sent it. */
export const messageNew = event('message.new', messageEntry);

const page = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(200));

/** Entries in seq order: those just below `before`, those just above `after`, or the newest. */
export const messageHistory = request(
  'message.history',
  v.pipe(
    v.object({
      conversationId: uuid,
      before: v.optional(seq),
      after: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
      limit: v.optional(page),
    }),
    v.check((body) => body.before === undefined || body.after === undefined, 'give before or after, not both'),
  ),
  v.object({ messages: v.array(v.union([messageEntry, commitEntry])), more: v.boolean() }),
);

/**
 * Drops the ciphertext, the wrap and the tags of an own message; its place in the log stays. Again: `duplicate`.
 * Somebody else's message: `forbidden`. A commit, or no entry: `not_found`.
 */
export const messageDelete = request(
  'message.delete',
  v.object({ conversationId: uuid, seq }),
  v.object({ duplicate: v.boolean() }),
);

/** The most keys that the queries of one `message.search` have together; a query without keys counts as one. */
export const MAX_SEARCH_KEYS = 500;

const searchKey = v.object({ v: version, tags: v.pipe(v.array(tag), v.minLength(1), v.maxLength(8)) });

const searchQuery = v.object({
  conversationId: uuid,
  /** All tags of one key must be there, made with that version; of several keys one is enough. */
  keys: v.optional(v.pipe(v.array(searchKey), v.minLength(1), v.maxLength(32))),
  senderId: v.optional(uuid),
  /** Sent at this time or later. */
  sentFrom: v.optional(timestamp),
  /** Sent before this time. */
  sentBefore: v.optional(timestamp),
  /** Only entries below it. */
  before: v.optional(seq),
});

/**
 * Finds messages, the newest first. By blind tags, where the conversation has opted in (else `conflict` with `details
 * {field: "searchOnServer", conversationId}`); without `keys` by sender and time alone, everywhere. If there is more,
 * the same queries of `next` with their `before` go on.
 */
export const messageSearch = request(
  'message.search',
  v.object({
    queries: v.pipe(
      v.array(searchQuery),
      v.minLength(1),
      v.maxLength(100),
      v.check(
        (queries) => queries.reduce((sum, { keys }) => sum + (keys?.length ?? 1), 0) <= MAX_SEARCH_KEYS,
        `must have at most ${MAX_SEARCH_KEYS} keys together`,
      ),
      v.check(
        (queries) => new Set(queries.map(({ conversationId }) => conversationId)).size === queries.length,
        'must name each conversation once',
      ),
    ),
    limit: v.optional(page),
  }),
  v.object({
    matches: v.array(v.object({ conversationId: uuid, seq })),
    more: v.boolean(),
    next: v.optional(v.array(v.object({ conversationId: uuid, before: v.optional(seq) }))),
  }),
);
