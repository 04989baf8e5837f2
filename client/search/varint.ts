import type { Bytes } from '../e2ee/bytes.ts';

/** Numbers in 7 bits per byte, the lowest first. */
export class VarintWriter {
  #bytes = new Uint8Array(1024);
  length = 0;

  put(value: number): void {
    if (this.length + 8 > this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#bytes.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    let rest = value;
    for (; rest > 0x7f; rest = Math.floor(rest / 128)) this.#bytes[this.length++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.length++] = rest;
  }

  take(): Bytes {
    return this.#bytes.slice(0, this.length);
  }
}

export class VarintReader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  next(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError('the numbers end too early');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  skip(count: number): void {
    for (let left = count; left > 0; ) if ((this.#bytes[this.#at++] ?? 0) < 0x80) left -= 1;
  }
}
