import { type Bytes, compareBytes, concat, fromUtf8, readUint32, uint32, utf8 } from '../e2ee/bytes.ts';
import { VarintReader, VarintWriter } from './varint.ts';

/** Where a token occurs: messages in rising order, and for each its places in the text, rising. */
export interface Postings {
  readonly documents: Uint32Array;
  /** Those of message `i` are `places[starts[i]]` to before `places[starts[i + 1]]`. */
  readonly starts: Uint32Array;
  readonly places: Uint32Array;
}

export type TokenPlaces = Map<string, readonly (readonly [document: number, places: readonly number[]])[]>;

const encodedTokens = new TextEncoder();

/**
 * The words of one segment: a sorted table of tokens, and the postings of each. Layout: number of tokens, length of
 * their text, the end of each token and of its postings (4 bytes each, twice), the tokens, the postings.
 */
export class WordTable {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #count: number;
  readonly #tokens: Uint8Array;
  readonly #postings: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#count = readUint32(bytes, 0);
    const start = 8 + 8 * this.#count;
    this.#tokens = bytes.subarray(start, start + readUint32(bytes, 4));
    this.#postings = bytes.subarray(start + this.#tokens.length);
    if (this.#postings.length !== this.#end(this.#count - 1, 1)) throw new RangeError('not a table of words');
  }

  get size(): number {
    return this.#bytes.length;
  }

  get(token: string): Postings | undefined {
    const at = this.#position(encodedTokens.encode(token));
    return at < this.#count && this.#token(at) === token ? this.#read(at) : undefined;
  }

  /** All tokens that begin like this, with their postings. */
  *beginning(prefix: string): Generator<[string, Postings]> {
    for (let at = this.#position(encodedTokens.encode(prefix)); at < this.#count; at += 1) {
      const token = this.#token(at);
      if (!token.startsWith(prefix)) return;
      yield [token, this.#read(at)];
    }
  }

  /** `which`: 0 for the token, 1 for its postings. */
  #end(at: number, which: 0 | 1): number {
    return at < 0 ? 0 : this.#view.getUint32(8 + 4 * (at + which * this.#count));
  }

  #token(at: number): string {
    return fromUtf8(this.#tokens.subarray(this.#end(at - 1, 0), this.#end(at, 0)));
  }

  /** The first token that is not before this one. */
  #position(token: Uint8Array): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const there = this.#tokens.subarray(this.#end(middle - 1, 0), this.#end(middle, 0));
      if (compareBytes(there, token) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #read(at: number): Postings {
    const reader = new VarintReader(this.#postings, this.#end(at - 1, 1));
    const count = reader.next();
    const documents = new Uint32Array(count);
    const starts = new Uint32Array(count + 1);
    const places = new Uint32Array(reader.next());
    let document = 0;
    let filled = 0;
    for (let i = 0; i < count; i += 1) {
      document += reader.next();
      documents[i] = document;
      let place = 0;
      for (let left = reader.next(); left > 0; left -= 1) {
        place += reader.next();
        places[filled++] = place;
      }
      starts[i + 1] = filled;
    }
    return { documents, starts, places };
  }
}

export function encodeWords(tokens: TokenPlaces): Bytes {
  const sorted = [...tokens].map(([token, found]) => ({ token: utf8(token), found }));
  sorted.sort((a, b) => compareBytes(a.token, b.token));
  const postings = new VarintWriter();
  const ends: Bytes[] = [];
  const postingEnds: Bytes[] = [];
  let end = 0;
  for (const { token, found } of sorted) {
    end += token.length;
    ends.push(uint32(end));
    postings.put(found.length);
    postings.put(found.reduce((sum, [, places]) => sum + places.length, 0));
    let last = 0;
    for (const [document, places] of found) {
      postings.put(document - last);
      last = document;
      postings.put(places.length);
      let before = 0;
      for (const place of places) {
        postings.put(place - before);
        before = place;
      }
    }
    postingEnds.push(uint32(postings.length));
  }
  const text = sorted.map(({ token }) => token);
  return concat(uint32(sorted.length), uint32(end), ...ends, ...postingEnds, ...text, postings.take());
}
