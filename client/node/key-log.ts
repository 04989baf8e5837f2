import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { E2eeError } from '../e2ee/error.ts';
import type { Write } from '../e2ee/key-store.ts';
import type { StoreSecret } from './store-key.ts';

// Header: magic, id of this file, and an empty sealed text that tells a wrong key from damage.
const magic = Buffer.from('SOTTOKS1');
const idLength = 16;
const nonceLength = 12;
const tagLength = 16;
export const headerLength = magic.length + idLength + nonceLength + tagLength;
/** Length of the body (4), nonce. */
export const recordHeadLength = 4 + nonceLength;

/** Seals the records of one file. Each is bound to the file and to its place in it. */
export class LogCipher {
  readonly header: Buffer;
  readonly #key: Buffer;
  readonly #fileId: Buffer;
  #index = 0n;

  private constructor(key: Buffer, fileId: Buffer, header: Buffer) {
    this.#key = key;
    this.#fileId = fileId;
    this.header = header;
  }

  static create({ key }: StoreSecret): LogCipher {
    const fileId = randomBytes(idLength);
    const start = Buffer.concat([magic, fileId]);
    return new LogCipher(key, fileId, Buffer.concat([start, seal(key, Buffer.alloc(0), start)]));
  }

  /** Reads the header of an existing file. */
  static open({ key, kind }: StoreSecret, header: Uint8Array): LogCipher {
    const start = Buffer.from(header.subarray(0, magic.length + idLength));
    if (!start.subarray(0, magic.length).equals(magic))
      throw new E2eeError('store_damaged', 'Not a key store of this version.');
    if (!unseal(key, header.subarray(start.length), start)) {
      const why =
        kind === 'passphrase' ? 'The passphrase is wrong.' : 'The key file does not belong to this key store.';
      throw new E2eeError('wrong_passphrase', why);
    }
    return new LogCipher(key, start.subarray(magic.length), Buffer.from(header));
  }

  seal(plaintext: Uint8Array): Buffer {
    const sealed = seal(this.#key, plaintext, this.#place(this.#index++));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(sealed.length - nonceLength);
    return Buffer.concat([length, sealed]);
  }

  /** The record sealed last was not written after all. */
  unseal(): void {
    this.#index--;
  }

  bodyLength(bytes: Buffer, at: number): number {
    return bytes.length - at < 4 ? Number.POSITIVE_INFINITY : bytes.readUInt32BE(at);
  }

  /** The next record's plaintext, or undefined if these bytes are not the next record. */
  openRecord(record: Uint8Array): Buffer | undefined {
    const plaintext = unseal(this.#key, record.subarray(4), this.#place(this.#index));
    if (plaintext) this.#index++;
    return plaintext;
  }

  #place(index: bigint): Buffer {
    const place = Buffer.alloc(8);
    place.writeBigUInt64BE(index);
    return Buffer.concat([this.#fileId, place]);
  }
}

function seal(key: Buffer, plaintext: Uint8Array, additionalData: Buffer): Buffer {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(additionalData);
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key: Buffer, sealed: Uint8Array, additionalData: Buffer): Buffer | undefined {
  if (sealed.length < nonceLength + tagLength) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, nonceLength)).setAAD(additionalData);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(nonceLength, sealed.length - tagLength)), decipher.final()]);
  } catch {
    return undefined; // cut off, changed, or from another place
  }
}

/** Per write: key length (4), key, then 0 for a deletion or 1, value length (4), value. */
export function encodeWrites(writes: readonly Write[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const write of writes) {
    const key = Buffer.from('put' in write ? write.put : write.delete, 'utf16le');
    parts.push(size(key.length), key);
    if ('put' in write) parts.push(Uint8Array.of(1), size(write.value.length), write.value);
    else parts.push(Uint8Array.of(0));
  }
  return Buffer.concat(parts);
}

export function decodeWrites(bytes: Buffer): Write[] {
  const writes: Write[] = [];
  let at = 0;
  const take = (length: number) => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const takeSized = () => take(take(4).readUInt32BE());
  while (at < bytes.length) {
    const key = takeSized().toString('utf16le');
    writes.push(take(1)[0] === 1 ? { put: key, value: takeSized() } : { delete: key });
  }
  return writes;
}

function size(length: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(length);
  return out;
}
