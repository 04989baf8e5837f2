import * as v from 'valibot';
import { uuidBytes, uuidText } from '../../protocol/identity.ts';
import { type Bytes, concat, fromBase64url, own, readUint32, toBase64url, uint32 } from './bytes.ts';

/** One history or search key of one conversation, on its way to another device or into a recovery blob. */
export interface ConversationKey {
  readonly conversationId: string;
  readonly kind: 'history' | 'search';
  readonly v: number;
  readonly key: Bytes;
}

const kinds = ['history', 'search'] as const;
const length = 16 + 1 + 4 + 32;

/** Packed, because there can be a thousand of them in 64 KiB: conversation (16), kind (1), version (4), key (32). */
export function packKeys(keys: readonly ConversationKey[]): Bytes {
  return concat(
    ...keys.flatMap(({ conversationId, kind, v: version, key }) => {
      if (key.length !== 32) throw new RangeError('a conversation key has 32 bytes');
      return [uuidBytes(conversationId), Uint8Array.of(kinds.indexOf(kind)), uint32(version), key];
    }),
  );
}

/** Throws a TypeError for anything that `packKeys` does not make. */
export function unpackKeys(packed: Uint8Array): ConversationKey[] {
  if (packed.length % length !== 0) throw new TypeError('not packed keys');
  return Array.from({ length: packed.length / length }, (_, index) => {
    const at = index * length;
    const kind = kinds[packed[at + 16] ?? 9];
    if (!kind) throw new TypeError('not packed keys');
    return {
      conversationId: uuidText(packed.subarray(at, at + 16)),
      kind,
      v: readUint32(packed, at + 17),
      key: own(packed.subarray(at + 21, at + length)),
    };
  });
}

/** Bytes as base64url text inside JSON. */
export const bytesText = (exactly?: number) =>
  v.pipe(
    v.string(),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        const bytes = fromBase64url(dataset.value);
        if (exactly === undefined || bytes.length === exactly) return bytes;
      } catch {
        // reported below
      }
      addIssue({ message: 'must be base64url of the right length' });
      return NEVER;
    }),
  );

export const packedKeysText = v.pipe(
  bytesText(),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return unpackKeys(dataset.value);
    } catch {
      addIssue({ message: 'must be packed keys' });
      return NEVER;
    }
  }),
);

export const packKeysText = (keys: readonly ConversationKey[]): string => toBase64url(packKeys(keys));
