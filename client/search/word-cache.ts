import { WordTable } from './words.ts';

/** The word tables used last, up to a number of bytes. */
export class WordCache {
  readonly #max: number;
  readonly #tables = new Map<number, Promise<WordTable>>();
  readonly #sizes = new Map<number, number>();
  bytes = 0;

  constructor(maxBytes: number) {
    this.#max = maxBytes;
  }

  get(id: number, read: () => Promise<Uint8Array>): Promise<WordTable> {
    const known = this.#tables.get(id);
    if (known !== undefined) {
      this.#tables.delete(id);
      this.#tables.set(id, known);
      return known;
    }
    const table = read().then((bytes) => new WordTable(bytes));
    this.#tables.set(id, table);
    table.then(
      ({ size }) => this.#keep(id, size),
      () => this.#tables.delete(id),
    );
    return table;
  }

  #keep(id: number, size: number): void {
    this.#sizes.set(id, size);
    this.bytes += size;
    for (const oldest of this.#tables.keys()) {
      if (this.bytes <= this.#max || oldest === id) return;
      this.#tables.delete(oldest);
      this.bytes -= this.#sizes.get(oldest) ?? 0;
      this.#sizes.delete(oldest);
    }
  }
}
