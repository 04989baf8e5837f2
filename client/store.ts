import { fromUtf8, utf8 } from './e2ee/bytes.ts';
import { type KeyStore, memoryKeyStore, type Write } from './e2ee/key-store.ts';

/** One change of a batch; without a value the key is deleted. Bytes are kept as they are, anything else as JSON. */
export interface Change {
  readonly key: string;
  readonly value?: unknown;
}

export interface Range {
  readonly prefix: string;
  /** Only keys above this one. */
  readonly above?: string;
  /** Only keys below this one. */
  readonly below?: string;
  readonly limit?: number;
  /** From the highest key down. */
  readonly reverse?: boolean;
}

export interface Item {
  readonly key: string;
  readonly value: unknown;
}

/**
 * What the SDK remembers between runs: ordered keys with JSON values, in the same store as the keys of the encryption,
 * so that a message and the state that decrypted it are stored together or not at all.
 * What is read back is checked like anything else from outside.
 */
export interface ClientStore {
  get(key: string): Promise<unknown>;
  /** What was written as bytes. */
  bytes(key: string): Promise<Uint8Array | undefined>;
  list(range: Range): Promise<Item[]>;
  /** Resolves when the whole batch is durable; rejects when none of it took effect. */
  write(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

/** A number as part of a key, so that keys sort as the numbers do. */
export const keyNumber = (value: number): string => String(value).padStart(16, '0');

/** The SDK's view of a key store. */
export function storeIn(keyStore: KeyStore): ClientStore {
  return {
    async get(key) {
      const bytes = await keyStore.get(key);
      return bytes && JSON.parse(fromUtf8(bytes));
    },
    bytes: (key) => keyStore.get(key),
    async list({ prefix, above, below, limit, reverse = false }) {
      const after = reverse ? below : above;
      const found = await keyStore.list(prefix, {
        ...(after === undefined ? {} : { after }),
        ...(limit === undefined ? {} : { limit }),
        reverse,
      });
      return found
        .filter(({ key }) => (above === undefined || key > above) && (below === undefined || key < below))
        .map(({ key, value }) => ({ key, value: JSON.parse(fromUtf8(value)) }));
    },
    write: (changes) => keyStore.transact(changes.map(toWrite)),
    close: () => keyStore.close(),
  };
}

function toWrite({ key, value }: Change): Write {
  if (value === undefined) return { delete: key };
  return { put: key, value: value instanceof Uint8Array ? value : utf8(JSON.stringify(value)) };
}

/** Remembers as long as the process lives: for tests, and for programs that may forget. */
export const memoryStore = (): ClientStore => storeIn(memoryKeyStore());
