import { type Bytes, own, randomBytes } from './bytes.ts';
import { type KeyRing, keysOfVersion, type RingKey } from './key-ring.ts';

/** A content key wrapped under a conversation's history key: `wrap` of `message.send`. */
export interface Wrap {
  readonly v: number;
  /** AES-KW (RFC 3394): 40 bytes. */
  readonly ct: Bytes;
}

const wrappingKeys = new WeakMap<Uint8Array, Promise<CryptoKey>>();

function wrappingKey(raw: Bytes): Promise<CryptoKey> {
  const known = wrappingKeys.get(raw);
  if (known) return known;
  const key = crypto.subtle.importKey('raw', raw, 'AES-KW', false, ['wrapKey', 'unwrapKey']);
  wrappingKeys.set(raw, key);
  return key;
}

const carried = { name: 'AES-GCM' };

/** A fresh content key and its wrap. */
export interface WrappedContentKey {
  readonly contentKey: Bytes;
  readonly wrap: Wrap;
}

async function makeContentKey(history: RingKey): Promise<WrappedContentKey> {
  const contentKey = randomBytes(32);
  const key = await crypto.subtle.importKey('raw', contentKey, carried, true, ['encrypt']);
  const ct = new Uint8Array(await crypto.subtle.wrapKey('raw', key, await wrappingKey(history.key), 'AES-KW'));
  return { contentKey, wrap: { v: history.v, ct } };
}

const prepared = new WeakMap<Uint8Array, Promise<WrappedContentKey>>();

/**
 * A content key for one message. It does not depend on the message, so the next one is made meanwhile: WebCrypto's
 * wrapping takes as long as the rest of sealing, but on another thread.
 */
export function takeContentKey(history: RingKey): Promise<WrappedContentKey> {
  const taken = prepared.get(history.key) ?? makeContentKey(history);
  const next = makeContentKey(history);
  next.catch(() => prepared.delete(history.key));
  prepared.set(history.key, next);
  return taken;
}

/** The content key, or undefined if no key of that version opens it. */
export async function unwrapContentKey(ring: KeyRing, wrap: { v: number; ct: Uint8Array }): Promise<Bytes | undefined> {
  if (wrap.ct.length !== 40) return undefined;
  for (const { key } of keysOfVersion(ring, wrap.v)) {
    try {
      const opened = await crypto.subtle.unwrapKey(
        'raw',
        own(wrap.ct),
        await wrappingKey(key),
        'AES-KW',
        carried,
        true,
        ['decrypt'],
      );
      return new Uint8Array(await crypto.subtle.exportKey('raw', opened));
    } catch {
      // AES-KW authenticates: this candidate is not the one; two devices can have made keys of one version.
    }
  }
  return undefined;
}
