import type { Bytes } from './bytes.ts';

const SLAB = 1024 * 1024;
/** Before each value stands its length. */
const HEAD = 4;

/**
 * Many byte strings in few large buffers: an array of its own costs each of them some hundred bytes. A value is named by
 * its place, a small integer. What is freed is wiped, for it may have been a key.
 */
export class PackedValues {
  readonly #slabs: { readonly bytes: Bytes; readonly view: DataView }[] = [];
  #end = SLAB;
  /** What all values take with their lengths, and what freed ones still take. */
  #live = 0;
  #dead = 0;

  /** True when most of it is holes: the owner then puts all values into a new one. */
  get sparse(): boolean {
    return this.#dead > SLAB && this.#dead > this.#live;
  }

  put(value: Uint8Array): number {
    const size = HEAD + value.length;
    if (this.#end + size > SLAB) {
      const bytes = new Uint8Array(Math.max(SLAB, size));
      this.#slabs.push({ bytes, view: new DataView(bytes.buffer) });
      this.#end = 0;
    }
    const at = this.#end;
    const slab = this.#slabs.length - 1;
    const { bytes, view } = this.#slab(slab);
    view.setUint32(at, value.length);
    bytes.set(value, at + HEAD);
    this.#end = at + size;
    this.#live += size;
    return slab * SLAB + at;
  }

  length(place: number): number {
    return this.#slab(Math.floor(place / SLAB)).view.getUint32(place % SLAB);
  }

  /** A copy. */
  get(place: number): Bytes {
    const at = (place % SLAB) + HEAD;
    return this.#slab(Math.floor(place / SLAB)).bytes.slice(at, at + this.length(place));
  }

  free(place: number): void {
    const size = HEAD + this.length(place);
    const at = place % SLAB;
    this.#slab(Math.floor(place / SLAB)).bytes.fill(0, at + HEAD, at + size);
    this.#live -= size;
    this.#dead += size;
  }

  #slab(index: number) {
    const slab = this.#slabs[index];
    if (slab === undefined) throw new RangeError('no such place');
    return slab;
  }
}
