import type { Bytes } from './bytes.ts';
import { PackedValues } from './packed-values.ts';

export type Write = { readonly put: string; readonly value: Uint8Array } | { readonly delete: string };

export interface Entry {
  readonly key: string;
  readonly value: Bytes;
}

export interface Range {
  /** Only keys that come later (with `reverse`: earlier) than this one. */
  readonly after?: string;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/**
 * Where a device keeps what it must not lose: group states, keys, plaintexts. Names are text in UTF-16 order, values
 * bytes, encrypted at rest by every store that has a rest.
 *
 * The rules that encryption rests on:
 * - `transact` is all or nothing, also through a crash, and durable when it resolves. A message's plaintext and the
 *   group state that lost its key go into ONE transaction; a state is stored before the message it encrypted is sent.
 * - Transactions take effect in the order of the calls; reads see those that resolved.
 * - A rejected `transact` changed nothing.
 */
export interface KeyStore extends AsyncDisposable {
  get(key: string): Promise<Bytes | undefined>;
  /** Entries whose key starts with `prefix`, in key order. */
  list(prefix: string, range?: Range): Promise<Entry[]>;
  transact(writes: readonly Write[]): Promise<void>;
  /** Waits for what was begun; the store is of no use afterwards. */
  close(): Promise<void>;
}

/** Keys in order with their values. What the stores that hold everything in memory are made of. */
export class SortedEntries {
  readonly #places = new Map<string, number>();
  #values = new PackedValues();
  readonly #keys: string[] = [];
  /** What all keys and values take, in bytes and characters. */
  size = 0;

  get(key: string): Bytes | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#values.get(place);
  }

  apply(writes: readonly Write[]): void {
    for (const write of writes) {
      if ('put' in write) this.#put(write.put, write.value);
      else this.#delete(write.delete);
    }
    if (this.#values.sparse) this.#pack();
  }

  list(prefix: string, { after, limit = Number.POSITIVE_INFINITY, reverse = false }: Range = {}): Entry[] {
    const found: Entry[] = [];
    const step = reverse ? -1 : 1;
    let at = reverse ? this.#position(`${prefix}\uffff`) - 1 : this.#position(prefix);
    if (after !== undefined) at = reverse ? Math.min(at, this.#position(after) - 1) : Math.max(at, this.#after(after));
    for (; found.length < limit; at += step) {
      const key = this.#keys[at];
      if (key === undefined || !key.startsWith(prefix)) break;
      const value = this.get(key);
      if (value) found.push({ key, value });
    }
    return found;
  }

  *entries(): Generator<Entry> {
    for (const [key, place] of this.#places) yield { key, value: this.#values.get(place) };
  }

  #put(key: string, value: Uint8Array): void {
    const old = this.#places.get(key);
    if (old === undefined) {
      this.#keys.splice(this.#position(key), 0, key);
      this.size += key.length;
    } else {
      this.size -= this.#values.length(old);
      this.#values.free(old);
    }
    this.size += value.length;
    this.#places.set(key, this.#values.put(value));
  }

  #delete(key: string): void {
    const old = this.#places.get(key);
    if (old === undefined) return;
    this.size -= this.#values.length(old) + key.length;
    this.#values.free(old);
    this.#places.delete(key);
    this.#keys.splice(this.#position(key), 1);
  }

  #pack(): void {
    const before = this.#values;
    this.#values = new PackedValues();
    for (const [key, place] of this.#places) {
      this.#places.set(key, this.#values.put(before.get(place)));
      before.free(place);
    }
  }

  /** The index of the first key that is not before `key`. */
  #position(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #after(key: string): number {
    const at = this.#position(key);
    return this.#keys[at] === key ? at + 1 : at;
  }
}

/** For tests and for devices that shall forget everything. */
export function memoryKeyStore(): KeyStore {
  const entries = new SortedEntries();
  const close = async () => {};
  return {
    get: async (key) => entries.get(key),
    list: async (prefix, range) => entries.list(prefix, range),
    transact: async (writes) => entries.apply(writes),
    close,
    [Symbol.asyncDispose]: close,
  };
}
