import * as v from 'valibot';

/** The largest text frame either side accepts, in bytes. */
export const MAX_FRAME_BYTES = 160 * 1024;
/** The largest `mls` or `content` of one message, in bytes before base64url. */
export const MAX_CONTENT_BYTES = 64 * 1024;
/** The most requests one connection may have in flight. */
export const MAX_IN_FLIGHT = 64;
/** The most unacknowledged entries, and their bytes, that the server pushes to one connection. */
export const WINDOW_ENTRIES = 256;
export const WINDOW_BYTES = 1024 * 1024;
/** A client that has sent nothing for this long sends `ping`; the server gives up after 2.5 times that. */
export const PING_EVERY_MS = 25_000;

/** How long a client waits for the reply to its `hello`; after an instance has died, thousands have their turn one after the other. */
export const HELLO_REPLY_MS = 30_000;

/** A UUID of any version; upper case is accepted and lowered, so that equal ids compare equal as text. */
export const uuid = v.pipe(
  v.string(),
  v.regex(/^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i, 'must be a UUID'),
  v.toLowerCase(),
);

/** A position in a conversation's log: 1, 2, 3 ... */
export const seq = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
/** A position that may also be "before the first entry": 0, 1, 2 ... */
export const mark = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** An MLS epoch; 0 is the time before a conversation has a group. */
export const epoch = mark;
/** A number of things. */
export const count = mark;
/** A version number that starts at 1. */
export const version = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(2_147_483_647));
/** Milliseconds. */
export const duration = mark;
/** ISO 8601 in UTC with milliseconds, for example `2026-11-23T06:41:21.416Z`. */
export const timestamp = v.pipe(v.string(), v.isoTimestamp());

const ALPHABET = /^[\w-]*$/;
// The unused low bits of the last character must be zero, so that equal bytes have exactly one spelling.
const LAST_OF_TWO = 'AQgw';
const LAST_OF_THREE = 'AEIMQUYcgkosw048';

/** True for canonical base64url without padding (RFC 4648 section 5). */
export function isBase64url(text: string): boolean {
  if (!ALPHABET.test(text)) return false;
  const rest = text.length & 3;
  if (rest === 0) return true;
  if (rest === 1) return false;
  return (rest === 2 ? LAST_OF_TWO : LAST_OF_THREE).includes(text.charAt(text.length - 1));
}

const RANKS = new Map([...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].map((c, n) => [c, n]));

/** Whether the bytes of `a` come before those of `b`; both are base64url of the same length. */
export function isBytesBelow(a: string, b: string): boolean {
  for (let i = 0; i < a.length; i += 1) {
    if (a[i] !== b[i]) return (RANKS.get(a.charAt(i)) ?? -1) < (RANKS.get(b.charAt(i)) ?? -1);
  }
  return false;
}

/** The number of characters that `bytes` bytes take in base64url without padding. */
export const base64urlLength = (bytes: number): number => Math.ceil((bytes * 4) / 3);

/** Base64url text of 1 to `max` bytes. */
export const bytes = (max: number) =>
  v.pipe(
    v.string(),
    v.minLength(1, 'must not be empty'),
    v.maxLength(base64urlLength(max), `must be at most ${max} bytes`),
    v.check(isBase64url, 'must be base64url without padding'),
  );

/** Base64url text of exactly `length` bytes. */
export const exactBytes = (length: number) =>
  v.pipe(
    v.string(),
    v.length(base64urlLength(length), `must be exactly ${length} bytes`),
    v.check(isBase64url, 'must be base64url without padding'),
  );

/** 3 to 32 of a-z, 0-9 and _, after lower-casing. */
export const username = v.pipe(
  v.string(),
  v.maxLength(64),
  v.toLowerCase(),
  v.regex(/^[a-z0-9_]{3,32}$/, 'must be 3 to 32 letters, digits or underscores'),
);

/** An e-mail address; compared lower-cased. */
export const email = v.pipe(
  v.string(),
  v.maxLength(254),
  v.trim(),
  v.toLowerCase(),
  v.email('must be an e-mail address'),
);

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** PostgreSQL keeps no text with a null character. */
export const noNull = v.check((text: string) => !text.includes('\u0000'), 'must not contain a null character');

/** One visible line of up to `max` characters: no control characters and none that turn the reading direction. */
export const line = (max: number) =>
  v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1, 'must not be empty'),
    v.maxLength(max, `must be at most ${max} characters`),
    v.check((text) => !CONTROL.test(text), 'must not contain control characters'),
  );

export const displayName = line(64);

/** An opaque token: what the server gave out, given back unread. */
export const token = v.pipe(v.string(), v.minLength(1), v.maxLength(2048));
