import { expand, extract } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { groupIdBytes } from '../../protocol/identity.ts';
import { type Bytes, compareBytes, own, randomBytes, utf8 } from './bytes.ts';
import type { SearchTags } from './envelope.ts';
import type { KeyRing } from './key-ring.ts';
import { tokenise } from './tokeniser.ts';

const tagBytes = 8;
const maxQueryTerms = 8;
const maxQueryKeys = 32;

/** The server's limits for one conversation of a `message.search`. */
export type SearchQuery = readonly { readonly v: number; readonly tags: readonly Bytes[] }[];

type Mac = ReturnType<typeof hmac.create>;
const macs = new WeakMap<Uint8Array, { conversationId: string; mac: Mac }>();

/**
 * K = HKDF-SHA256(secret, salt = group id, info = "sotto search v1"). The salt is the id of the conversation's first
 * group (generation 0), so that a reset of the group does not change what was indexed.
 */
function tagMac(conversationId: string, secret: Uint8Array): Mac {
  const known = macs.get(secret);
  if (known?.conversationId === conversationId) return known.mac;
  const key = expand(
    sha256,
    extract(sha256, secret, own(groupIdBytes(conversationId, 0))),
    utf8('sotto search v1'),
    32,
  );
  const mac = hmac.create(sha256, key);
  macs.set(secret, { conversationId, mac });
  return mac;
}

/** The first 64 bits of HMAC-SHA256(K, token). */
export function tagsOf(conversationId: string, secret: Uint8Array, tokens: readonly string[]): Bytes[] {
  const mac = tagMac(conversationId, secret);
  return tokens.map((token) => own(mac.clone().update(utf8(token)).digest().subarray(0, tagBytes)));
}

/**
 * The blind tags of a message, for `search`. Random ones fill up to a multiple of 8, so that the server learns the
 * number of words roughly; sorted, so that it does not learn their order. It still learns which messages share a word.
 */
export function searchTags(
  conversationId: string,
  { v, key }: { v: number; key: Uint8Array },
  text: string,
): SearchTags {
  const tags = tagsOf(conversationId, key, tokenise(text));
  const missing = tags.length === 0 ? 8 : -tags.length & 7;
  const filling = randomBytes(missing * tagBytes);
  for (let at = 0; at < filling.length; at += tagBytes) tags.push(filling.slice(at, at + tagBytes));
  return { v, tags: tags.sort(compareBytes) };
}

/**
 * A query for all words of a text (at most 8 are asked for), under every key version known, newest first. Undefined if
 * nothing of it is searchable, for example only stop words. Hits must be verified after decryption.
 */
export function searchQuery(conversationId: string, ring: KeyRing, text: string): SearchQuery | undefined {
  const tokens = tokenise(text).slice(0, maxQueryTerms);
  if (tokens.length === 0 || ring.length === 0) return undefined;
  const newest = [...ring].reverse().slice(0, maxQueryKeys);
  return newest.map(({ v, key }) => ({ v, tags: tagsOf(conversationId, key, tokens) }));
}
