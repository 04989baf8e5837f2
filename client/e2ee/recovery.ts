import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';
import * as v from 'valibot';
import { uuidBytes } from '../../protocol/identity.ts';
import { MAX_RECOVERY_BYTES } from '../../protocol/recovery.ts';
import { type Bytes, concat, fromUtf8, own, randomBytes, readUint32, toBase64url, uint32, utf8 } from './bytes.ts';
import { bytesText, type ConversationKey, packedKeysText, packKeysText } from './conversation-keys.ts';
import type { SigningKey } from './ed25519.ts';
import { E2eeError } from './error.ts';

const version = 1;
const saltLength = 16;
const nonceLength = 12;
const bucket = 4096;

/** What someone who lost every device gets back with the recovery key: the account and the archive, no device. */
export interface Recovery {
  readonly account: SigningKey;
  readonly keys: readonly ConversationKey[];
  /** Of this blob, as it is put at the server: an older one can't be given out as the newest. */
  readonly version: number;
  /** In ms since 1970: what came later is not in it. */
  readonly sealedAt: number;
  /** The devices that have the account's private key too. */
  readonly holders: readonly string[];
}

/** How many keys fit into what a server keeps. Give those in use first. */
export const maxRecoveryKeys = Math.floor(((MAX_RECOVERY_BYTES - 2 * bucket) * 3) / 4 / 53);

const schema = v.object({
  v: v.literal(version),
  publicKey: bytesText(32),
  privateKey: bytesText(48),
  keys: packedKeysText,
  version: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  sealedAt: v.pipe(v.number(), v.safeInteger()),
  holders: v.pipe(v.array(v.pipe(v.string(), v.maxLength(36))), v.maxLength(64)),
});

async function blobKey(recoveryKey: Uint8Array, salt: Uint8Array, use: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  if (recoveryKey.length !== 32) throw new RangeError('a recovery key has 32 bytes');
  const raw = expand(sha256, extract(sha256, recoveryKey, salt), utf8('sotto recovery v1'), 32);
  return crypto.subtle.importKey('raw', own(raw), 'AES-GCM', false, [use]);
}

const additionalData = (userId: string): Bytes => concat(utf8('sotto-recovery-v1'), uuidBytes(userId));

/** An opaque blob to be stored anywhere: version, salt, nonce, AES-256-GCM; padded to multiples of 4 KiB. */
export async function sealRecovery(
  recoveryKey: Uint8Array,
  userId: string,
  { account, keys, version: blobVersion, sealedAt, holders }: Recovery,
): Promise<Bytes> {
  if (keys.length > maxRecoveryKeys)
    throw new E2eeError('refused', `At most ${maxRecoveryKeys} keys fit into one recovery blob.`);
  const plain = utf8(
    JSON.stringify({
      v: version,
      publicKey: toBase64url(account.publicKey),
      privateKey: toBase64url(account.privateKey),
      keys: packKeysText(keys),
      version: blobVersion,
      sealedAt,
      holders,
    }),
  );
  const padded = new Uint8Array(Math.ceil((plain.length + 4) / bucket) * bucket);
  padded.set(uint32(plain.length));
  padded.set(plain, 4);
  const salt = randomBytes(saltLength);
  const iv = randomBytes(nonceLength);
  const key = await blobKey(recoveryKey, salt, 'encrypt');
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: additionalData(userId) },
    key,
    padded,
  );
  return concat(Uint8Array.of(version), salt, iv, new Uint8Array(sealed));
}

/** Rejects with `undecryptable` for another key, another user's blob, or a changed one. */
export async function openRecovery(recoveryKey: Uint8Array, userId: string, blob: Uint8Array): Promise<Recovery> {
  const bytes = own(blob);
  if (bytes[0] !== version) throw new E2eeError('malformed', 'The recovery blob is of another version.');
  const [salt, iv] = [bytes.slice(1, 1 + saltLength), bytes.slice(1 + saltLength, 1 + saltLength + nonceLength)];
  let value: unknown;
  try {
    const key = await blobKey(recoveryKey, salt, 'decrypt');
    const parameters = { name: 'AES-GCM', iv, additionalData: additionalData(userId) };
    const opened = new Uint8Array(
      await crypto.subtle.decrypt(parameters, key, bytes.slice(1 + saltLength + nonceLength)),
    );
    value = JSON.parse(fromUtf8(opened.subarray(4, 4 + readUint32(opened, 0))));
  } catch (cause) {
    throw new E2eeError('undecryptable', 'The recovery key does not open this blob.', { cause });
  }
  const recovery = v.safeParse(schema, value);
  if (!recovery.success) throw new E2eeError('malformed', 'The recovery blob is damaged.');
  const { publicKey, privateKey, v: _version, ...rest } = recovery.output;
  return { account: { publicKey, privateKey }, ...rest };
}

/** Over everything that is sealed but its version and time, in whatever order it came: says whether a blob is out of date. */
export function recoveryDigest(
  recoveryKey: Uint8Array,
  { account, keys, holders }: Pick<Recovery, 'account' | 'keys' | 'holders'>,
): string {
  const parts = [...keys.map((key) => packKeysText([key])).sort(), ...[...holders].sort()];
  return toBase64url(sha256(concat(recoveryKey, account.publicKey, utf8(parts.join()))));
}
