import * as v from 'valibot';
import { type Bytes, concat, fromUtf8, own, toBase64url, utf8 } from './bytes.ts';
import { bytesText } from './conversation-keys.ts';
import type { KeyPackageBundle, SavedState } from './engine.ts';
import { E2eeError } from './error.ts';
import type { PinnedAccount } from './identity.ts';
import type { KeyRing } from './key-ring.ts';

/** How the values of this folder are written into a `KeyStore`. Reading rejects what it did not write. */

/** Length of the engine's name (1), name, version (1), then the engine's bytes: a state is large and stored often. */
export function encodeSavedState({ engine, version, bytes }: SavedState): Bytes {
  const name = utf8(engine);
  return concat(Uint8Array.of(name.length), name, Uint8Array.of(version), bytes);
}

export function decodeSavedState(stored: Uint8Array): SavedState {
  const at = 1 + (stored[0] ?? 0);
  const version = stored[at];
  if (version === undefined) throw damaged();
  return { engine: fromUtf8(stored.subarray(1, at)), version, bytes: own(stored.subarray(at + 1)) };
}

const signingKey = v.object({ publicKey: bytesText(32), privateKey: bytesText(48) });

const bundle = v.object({
  ref: bytesText(32),
  message: bytesText(),
  secret: bytesText(),
  lastResort: v.boolean(),
  notAfter: v.number(),
});

const ring = v.array(v.object({ v: v.number(), key: bytesText(32), at: v.number() }));

const pin = v.object({
  userId: v.string(),
  version: v.number(),
  key: bytesText(32),
  hash: bytesText(32),
  verified: v.boolean(),
  since: v.number(),
});

/** A reader and writer of one kind of record: JSON with bytes as base64url. */
function record<Schema extends v.GenericSchema>(schema: Schema) {
  type Value = v.InferOutput<Schema>;
  return {
    encode: (value: Value): Bytes =>
      utf8(JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? toBase64url(part) : part))),
    decode: (stored: Uint8Array): Value => {
      let value: unknown;
      try {
        value = JSON.parse(fromUtf8(stored));
      } catch {
        throw damaged();
      }
      const read = v.safeParse(schema, value);
      if (!read.success) throw damaged();
      return read.output;
    },
  };
}

export const signingKeyRecord = record(signingKey);
export const keyPackageRecord: {
  encode(value: KeyPackageBundle): Bytes;
  decode(stored: Uint8Array): KeyPackageBundle;
} = record(bundle);
export const keyRingRecord: { encode(value: KeyRing): Bytes; decode(stored: Uint8Array): KeyRing } = {
  encode: (keys) => record(ring).encode([...keys]),
  decode: (stored) => record(ring).decode(stored),
};
export const pinRecord: { encode(value: PinnedAccount): Bytes; decode(stored: Uint8Array): PinnedAccount } = {
  encode: ({ key, hash, ...rest }) => record(pin).encode({ ...rest, key: own(key), hash: own(hash) }),
  decode: (stored) => record(pin).decode(stored),
};

const damaged = () => new E2eeError('store_damaged', 'A stored record is damaged.');
