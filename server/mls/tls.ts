import { ensure, MlsError } from './mls-error.ts';

/**
 * Reads the TLS presentation language as RFC 9420 uses it (section 2.1). It only moves forward, only hands out views
 * of the bytes it was given, and allocates nothing in proportion to a length it has merely been told.
 */
export class TlsReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get position(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  uint8(): number {
    return this.#uint(1);
  }

  uint16(): number {
    return this.#uint(2);
  }

  uint32(): number {
    return this.#uint(4);
  }

  uint64(): bigint {
    return (BigInt(this.#uint(4)) << 32n) | BigInt(this.#uint(4));
  }

  /** An epoch as a number: a group that passed 2^53 commits does not exist. */
  epoch(): number {
    const epoch = this.#uint(4) * 0x1_0000_0000 + this.#uint(4);
    ensure(Number.isSafeInteger(epoch), 'bad_epoch');
    return epoch;
  }

  /** `optional<T>`: whether the value follows. */
  present(): boolean {
    const flag = this.#uint(1);
    ensure(flag <= 1, 'bad_value');
    return flag === 1;
  }

  /** `opaque x<V>`: the bytes behind a length. With `length` they must have exactly that one. */
  vector(length?: number): Uint8Array {
    const size = this.#varint();
    ensure(length === undefined || size === length, 'bad_length');
    const from = this.#advance(size);
    return this.#bytes.subarray(from, from + size);
  }

  /** What was read since `from`, an earlier `position`. */
  since(from: number): Uint8Array {
    return this.#bytes.subarray(from, this.#at);
  }

  /** Refuses anything left over. */
  end(): void {
    ensure(this.atEnd, 'trailing_bytes');
  }

  #advance(size: number): number {
    const from = this.#at;
    ensure(size <= this.#bytes.length - from, 'truncated');
    this.#at = from + size;
    return from;
  }

  #uint(size: number): number {
    const from = this.#advance(size);
    let value = 0;
    // Multiplied, not shifted: four bytes don't fit a signed 32-bit integer.
    for (let at = from; at < from + size; at += 1) value = value * 256 + (this.#bytes[at] ?? 0);
    return value;
  }

  /**
   * Variable-size length, at most 30 bits. A longer form than needed would give one object two encodings, hence two
   * hashes.
   */
  #varint(): number {
    const first = this.#uint(1);
    switch (first >> 6) {
      case 0:
        return first;
      case 1:
        return minimal((first & 0x3f) * 0x100 + this.#uint(1), 64);
      case 2:
        return minimal((first & 0x3f) * 0x100_0000 + this.#uint(1) * 0x1_0000 + this.#uint(2), 16_384);
      default:
        throw new MlsError('bad_varint');
    }
  }
}

/** Reads a vector of elements, `x<V>`, refusing more than `most` of them. */
export function readList<T>(reader: TlsReader, most: number, readOne: (reader: TlsReader) => T): T[] {
  const elements = new TlsReader(reader.vector());
  const list: T[] = [];
  while (!elements.atEnd) {
    ensure(list.length < most, 'too_many');
    list.push(readOne(elements));
  }
  return list;
}

/** Reads the start of an MLSMessage (RFC 9420 section 6): version 1, and the one wire format expected here. */
export function openMessage(bytes: Uint8Array, maxBytes: number, wireFormat: number): TlsReader {
  ensure(bytes.length <= maxBytes, 'too_large');
  const reader = new TlsReader(bytes);
  ensure(reader.uint16() === 1, 'wrong_version');
  ensure(reader.uint16() === wireFormat, 'wrong_wire_format');
  return reader;
}

/** `opaque x<V>` as the TLS language writes it, for what is signed or hashed. */
export function writeVector(bytes: Uint8Array): Buffer {
  const size = bytes.length;
  if (size < 64) return Buffer.concat([Uint8Array.of(size), bytes]);
  if (size < 16_384) return Buffer.concat([Uint8Array.of(0x40 | (size >> 8), size), bytes]);
  return Buffer.concat([Uint8Array.of(0x80 | (size >> 24), size >> 16, size >> 8, size), bytes]);
}

function minimal(value: number, least: number): number {
  ensure(value >= least, 'non_minimal_varint');
  return value;
}
