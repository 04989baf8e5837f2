import * as v from 'valibot';
import { MAX_EXPIRY_MS, MIN_EXPIRY_MS } from '../../protocol/conversation.ts';
import { type Bytes, fromBase64url, fromUtf8, readUint32, toBase64url, utf8 } from './bytes.ts';
import { E2eeError } from './error.ts';

/**
 * What people say to each other, as it is encrypted: JSON in UTF-8. A reader of version 1 shows what it does not know
 * as `unsupported` instead of failing, so newer clients may add types and fields.
 */
const contentVersion = 1;
/** The server takes 64 KiB of ciphertext; 16 of them are the tag. */
const maxPadded = 64 * 1024 - 16;

const uuid = v.pipe(v.string(), v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/));
/** Another message, by what its author chose and signed (a `seq` is only the server's word). */
export const messageRef = v.object({ deviceId: uuid, clientId: uuid });
const body = v.pipe(v.string(), v.minLength(1), v.maxBytes(60_000));
const ringKey = v.object({
  v: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2_147_483_647)),
  key: v.pipe(
    v.string(),
    v.regex(/^[\w-]{43}$/),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return fromBase64url(dataset.value);
      } catch {
        addIssue({ message: 'must be 32 bytes of base64url' });
        return NEVER;
      }
    }),
  ),
});
const ringKeys = v.pipe(v.array(ringKey), v.minLength(1), v.maxLength(256));

const text = v.object({ type: v.literal('text'), text: body, replyTo: v.optional(messageRef) });
const edit = v.object({ type: v.literal('edit'), target: messageRef, text: body });
const reaction = v.object({
  type: v.literal('reaction'),
  target: messageRef,
  emoji: v.pipe(v.string(), v.minLength(1), v.maxBytes(64)),
  on: v.boolean(),
});
const deletion = v.object({ type: v.literal('delete'), target: messageRef });
/** The contents that change another message. */
export const change = v.variant('type', [edit, reaction, deletion]);
/** How a conversation is kept, by the word of its members. */
export const conversationSettings = v.object({
  /** `strict`: nobody reads what was sent before they joined. */
  history: v.picklist(['on', 'strict']),
  searchOnServer: v.boolean(),
  /** How many milliseconds after it was sent a message disappears everywhere; null: never. */
  expireAfterMs: v.optional(
    v.nullable(v.pipe(v.number(), v.integer(), v.minValue(MIN_EXPIRY_MS), v.maxValue(MAX_EXPIRY_MS))),
    null,
  ),
});
export const settingsChange = v.partial(conversationSettings);
/**
 * Control: history and search keys, from whoever made them or was asked for them. `fresh` says that they were made for
 * this message: nobody who left before it knows them. `settings` are for those who joined late and know none.
 */
const keys = v.object({
  type: v.literal('keys'),
  history: v.optional(ringKeys),
  search: v.optional(ringKeys),
  fresh: v.optional(v.boolean()),
  settings: v.optional(conversationSettings),
});
/** Control: asks the other devices to send the keys again. */
const keysRequest = v.object({ type: v.literal('keys_request') });
/** Control: how the conversation is kept and searched from here on. */
export const settings = v.object({ type: v.literal('settings'), ...settingsChange.entries });

const content = v.variant('type', [text, change, keys, keysRequest, settings]);
/** What applications may send. */
export const sendable = v.variant('type', [text, change]);
export type Sendable = v.InferOutput<typeof sendable>;

/** What the SDK says to itself on other devices; applications neither send nor see it. */
export type Control = Extract<Content, { type: 'keys' | 'keys_request' | 'settings' }>;
export const isControl = (what: Content | Unsupported): what is Control =>
  what.type === 'keys' || what.type === 'keys_request' || what.type === 'settings';

export type MessageRef = v.InferOutput<typeof messageRef>;
export type ChangeContent = v.InferOutput<typeof change>;
export type Content = v.InferOutput<typeof content>;
/** A content of a type or version that this client does not know. */
export interface Unsupported {
  readonly type: 'unsupported';
  readonly name: string;
}

/** One byte per type, carried beside the content key so that it is known where the content was deleted. */
export const contentKinds = {
  text: 1,
  edit: 2,
  reaction: 3,
  delete: 4,
  keys: 5,
  keys_request: 6,
  settings: 7,
} as const satisfies {
  readonly [Type in Content['type']]: number;
};

/** Padded to 256 B, 1 KiB, 4 KiB, then multiples of 4 KiB, so that its length says little. */
export function paddedLength(length: number): number {
  for (const bucket of [256, 1024, 4096]) if (length <= bucket) return bucket;
  return Math.min(Math.ceil(length / 4096) * 4096, maxPadded);
}

/** Throws `malformed` for what does not fit the schema, `refused` for what is too large. */
export function encodeContent(what: Content): Bytes {
  const json = utf8(
    JSON.stringify({ v: contentVersion, ...what }, (_, value) =>
      value instanceof Uint8Array ? toBase64url(value) : value,
    ),
  );
  // Checked by its own reader: what is sent is what others accept.
  if (parse(json).type === 'unsupported') throw new E2eeError('malformed', 'Not a content that others understand.');
  if (json.length + 4 > maxPadded) throw new E2eeError('refused', 'The message is too long.');
  const padded = new Uint8Array(paddedLength(json.length + 4));
  new DataView(padded.buffer).setUint32(0, json.length);
  padded.set(json, 4);
  return padded;
}

export function decodeContent(padded: Uint8Array): Content | Unsupported {
  const length = padded.length < 4 ? Number.POSITIVE_INFINITY : readUint32(padded, 0);
  if (length > padded.length - 4) throw new E2eeError('malformed', 'The content is cut off.');
  return parse(padded.subarray(4, 4 + length));
}

const anyContent = v.object({
  v: v.pipe(v.number(), v.integer(), v.minValue(1)),
  type: v.pipe(v.string(), v.maxLength(64)),
});

function parse(json: Uint8Array): Content | Unsupported {
  let value: unknown;
  try {
    value = JSON.parse(fromUtf8(json));
  } catch (cause) {
    throw new E2eeError('malformed', 'The content is not JSON.', { cause });
  }
  const outer = v.safeParse(anyContent, value);
  if (!outer.success) throw new E2eeError('malformed', 'The content has no version or type.');
  if (outer.output.v > contentVersion || !Object.hasOwn(contentKinds, outer.output.type))
    return { type: 'unsupported', name: outer.output.type };
  const known = v.safeParse(content, value);
  if (!known.success) throw new E2eeError('malformed', `The content is not valid: ${known.issues[0].message}`);
  return known.output;
}
