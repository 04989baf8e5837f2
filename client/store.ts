/** One change of a batch; without a value the key is deleted. Values are plain JSON. */
export interface Change {
  readonly key: string;
  readonly value?: unknown;
}

export interface Range {
  readonly prefix: string;
  /** Only keys below this one. */
  readonly below?: string;
  /** Only keys above this one. */
  readonly above?: string;
  readonly limit?: number;
  /** From the highest key down. */
  readonly reverse?: boolean;
}

export interface Item {
  readonly key: string;
  readonly value: unknown;
}

/**
 * `written`: survives the end of the process. `synced`: survives the end of the machine's power too, where the platform
 * can promise that.
 */
export type Durability = 'written' | 'synced';

/**
 * What the SDK remembers between runs: ordered keys with JSON values. Whoever implements it promises that a batch is
 * applied whole or not at all, that batches take effect in the order of the calls, and that a value that was read can
 * be changed by the reader without harm. What is read back is checked like anything else from outside.
 */
export interface ClientStore {
  get(key: string): Promise<unknown>;
  /** In the order of the keys' UTF-16 code units. */
  list(range: Range): Promise<Item[]>;
  /** Resolves when the whole batch is as durable as asked for; rejects when none of it took effect. */
  write(changes: readonly Change[], durability?: Durability): Promise<void>;
  close(): Promise<void>;
}

/** A number as part of a key, so that keys sort as the numbers do. */
export const keyNumber = (value: number): string => String(value).padStart(16, '0');

/** The keys and JSON texts of a store that fits into memory. */
export class Table {
  readonly #values = new Map<string, string>();
  #sorted: string[] | undefined;

  get size(): number {
    return this.#values.size;
  }

  set(key: string, json: string | undefined): void {
    if (json === undefined) {
      if (this.#values.delete(key)) this.#sorted = undefined;
      return;
    }
    if (!this.#values.has(key)) this.#sorted = undefined;
    this.#values.set(key, json);
  }

  get(key: string): unknown {
    const json = this.#values.get(key);
    return json === undefined ? undefined : JSON.parse(json);
  }

  list({ prefix, below, above, limit = Number.POSITIVE_INFINITY, reverse = false }: Range): Item[] {
    this.#sorted ??= [...this.#values.keys()].sort(byCodeUnits);
    const keys = this.#sorted;
    const items: Item[] = [];
    let at = reverse ? firstAtLeast(keys, `${prefix}\uffff`) - 1 : firstAtLeast(keys, prefix);
    for (; items.length < limit; at += reverse ? -1 : 1) {
      const key = keys[at];
      if (key === undefined || !key.startsWith(prefix)) break;
      if (below !== undefined && key >= below) {
        if (reverse) continue;
        break;
      }
      if (above !== undefined && key <= above) {
        if (!reverse) continue;
        break;
      }
      items.push({ key, value: this.get(key) });
    }
    return items;
  }

  *entries(): Iterable<[key: string, json: string]> {
    yield* this.#values;
  }
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function firstAtLeast(keys: readonly string[], wanted: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Remembers as long as the process lives: for tests, and for programs that may forget. */
export function memoryStore(): ClientStore {
  const table = new Table();
  return {
    async get(key) {
      return table.get(key);
    },
    async list(range) {
      return table.list(range);
    },
    async write(changes) {
      // Everything that could fail comes first, so that a batch is whole or nothing.
      const texts = changes.map(({ key, value }) => [key, encodeValue(value)] as const);
      for (const [key, json] of texts) table.set(key, json);
    },
    async close() {},
  };
}

/** A value as JSON text; undefined when the change deletes. */
export const encodeValue = (value: unknown): string | undefined =>
  value === undefined ? undefined : JSON.stringify(value);
