import * as v from 'valibot';
import { event, request } from './define.ts';
import { count, displayName, duration, epoch, mark, timestamp, username, uuid } from './scalars.ts';

export const member = v.object({
  userId: uuid,
  username,
  displayName,
  /** The highest entry that any device of this member holds. 0 to those who are not told of it: strangers, the blocked. */
  deliveredSeq: mark,
  /** The highest entry this member has read; never above `deliveredSeq`. 0 to the same. */
  readSeq: mark,
});

export const conversation = v.object({
  id: uuid,
  kind: v.picklist(['direct', 'group']),
  members: v.array(member),
  /** The highest entry of the log; 0 while it is empty. */
  lastSeq: mark,
  epoch,
  /** One's own read mark. */
  readSeq: mark,
  /** Messages that notify, above one's read mark. Counted by the server only. */
  unread: count,
  /** False while this is a request from a stranger that one has not accepted. */
  accepted: v.boolean(),
  /** When the last entry was written; when the conversation was made while it has none. */
  lastAt: timestamp,
  /** The members' devices may give the server blind search tags, and ask it by them. */
  searchOnServer: v.boolean(),
  /** The server drops the ciphertext of messages this long after they were sent; null: never. */
  expireAfterMs: v.nullable(duration),
});

const body = v.object({ conversationId: uuid });
const reply = v.object({ conversation });

/** The one direct conversation of two users. */
export const conversationOpen = request('conversation.open', v.object({ userId: uuid }), reply);
export const conversationGet = request('conversation.get', body, reply);
/** Accepts a stranger's conversation: from now on presence, typing and receipts are shared. */
export const conversationAccept = request('conversation.accept', body, reply);

export const MIN_EXPIRY_MS = 60_000;
export const MAX_EXPIRY_MS = 3650 * 86_400_000;

/**
 * What the members agree on; any of them may change it. Switching `searchOnServer` off drops all stored tags of the
 * conversation before the reply.
 */
export const conversationUpdate = request(
  'conversation.update',
  v.pipe(
    v.object({
      conversationId: uuid,
      searchOnServer: v.optional(v.boolean()),
      expireAfterMs: v.optional(
        v.nullable(v.pipe(v.number(), v.safeInteger(), v.minValue(MIN_EXPIRY_MS), v.maxValue(MAX_EXPIRY_MS))),
      ),
    }),
    v.check(
      (body) => body.searchOnServer !== undefined || body.expireAfterMs !== undefined,
      'give searchOnServer, expireAfterMs or both',
    ),
  ),
  reply,
);

/** Newest activity first. `cursor` of one reply is given to the next request; without one it was the last page. */
export const conversationList = request(
  'conversation.list',
  v.object({
    cursor: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(128))),
    limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(200))),
  }),
  v.object({ conversations: v.array(conversation), cursor: v.optional(v.string()) }),
);

/** Sent when a conversation appears or changes other than by a new entry or a mark. */
export const conversationChanged = event('conversation.changed', v.object({ conversation }));
