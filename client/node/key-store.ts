import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { E2eeError } from '../e2ee/error.ts';
import { type Entry, type KeyStore, SortedEntries, type Write } from '../e2ee/key-store.ts';
import { decodeWrites, encodeWrites, headerLength, LogCipher, recordHeadLength } from './key-log.ts';
import { type StoreSecret, storeKey } from './store-key.ts';
import { lockFolder } from './store-lock.ts';

/** Rewritten when it is this large and mostly made of overwritten values. */
const compactAbove = 8 * 1024 * 1024;
const compactRatio = 3;
const compactChunk = 1024 * 1024;

interface Waiting {
  readonly writes: readonly Write[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface FileKeyStoreOptions {
  /** Derives the key from this instead of keeping it in `store.key` (mode 0600) in the same folder. */
  readonly passphrase?: string;
  /** For tests: the size above which the log is rewritten. */
  readonly compactAbove?: number;
}

/**
 * A key store in one folder: an append-only log of AES-256-GCM records, one per batch of transactions, each made
 * durable with fdatasync. A record that a crash cut off is at the end and is dropped; a changed, moved or missing one
 * elsewhere is noticed. (An older copy of the whole file is not: see the engine's rules for a rolled-back device.)
 * Everything is held in memory too. Rejects with `store_locked`, `wrong_passphrase`, `store_damaged`, `store_closed`.
 */
export async function openFileKeyStore(folder: string, options: FileKeyStoreOptions = {}): Promise<KeyStore> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unlock = await lockFolder(folder);
  let store: FileKeyStore | undefined;
  try {
    const secret = await storeKey(folder, options.passphrase);
    store = new FileKeyStore(folder, secret, unlock, options.compactAbove ?? compactAbove);
    await store.load();
    return store;
  } catch (error) {
    await (store ? store.close() : unlock());
    throw error;
  }
}

class FileKeyStore implements KeyStore {
  readonly #entries = new SortedEntries();
  readonly #folder: string;
  readonly #secret: StoreSecret;
  readonly #unlock: () => Promise<void>;
  #compactAbove: number;
  #file: FileHandle | undefined;
  #cipher: LogCipher;
  #length = 0;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #state: 'open' | 'broken' | 'closed' = 'open';

  constructor(folder: string, secret: StoreSecret, unlock: () => Promise<void>, compactSize: number) {
    this.#folder = folder;
    this.#secret = secret;
    this.#unlock = unlock;
    this.#compactAbove = compactSize;
    this.#cipher = LogCipher.create(secret);
  }

  async load(): Promise<void> {
    const path = join(this.#folder, 'store.log');
    const file = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#file = file;
    const bytes = await file.readFile();
    if (bytes.length < headerLength) return this.#rewrite(); // new, or its very first write was cut off
    this.#cipher = LogCipher.open(this.#secret, bytes.subarray(0, headerLength));
    const found = new Map<string, Uint8Array>();
    let at = headerLength;
    while (at < bytes.length) {
      const end = at + recordHeadLength + this.#cipher.bodyLength(bytes, at);
      const record = end <= bytes.length && this.#cipher.openRecord(bytes.subarray(at, end));
      if (!record) {
        if (end < bytes.length && this.#cipher.bodyLength(bytes, at) > 0) throw damaged();
        break; // cut off while it was written, so nobody was told that it is stored
      }
      for (const write of decodeWrites(record)) {
        if ('put' in write) found.set(write.put, write.value);
        else found.delete(write.delete);
      }
      at = end;
    }
    if (at < bytes.length) await file.truncate(at);
    // In key order: putting a hundred thousand keys into their places one by one takes seconds.
    const keys = [...found.keys()].sort();
    this.#entries.apply(keys.map((key) => ({ put: key, value: found.get(key) ?? new Uint8Array() })));
    this.#length = at;
  }

  async get(key: string) {
    return this.#entries.get(key);
  }

  async list(prefix: string, range = {}): Promise<Entry[]> {
    return this.#entries.list(prefix, range);
  }

  transact(writes: readonly Write[]): Promise<void> {
    if (this.#state !== 'open')
      return Promise.reject(
        new E2eeError(this.#state === 'closed' ? 'store_closed' : 'store_damaged', `The key store is ${this.#state}.`),
      );
    if (writes.length === 0) return Promise.resolve();
    // Copied now: the caller may wipe its buffers while this waits for the disk.
    const kept = writes.map((write) =>
      'put' in write ? { put: write.put, value: new Uint8Array(write.value) } : write,
    );
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes: kept, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#writing;
    await this.#file?.close();
    await this.#unlock();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // While one batch is on its way to the disk the next one forms, so many transactions share an fdatasync. A batch is
  // one record: what a crash leaves half-written is then always exactly the last record.
  async #writeAll(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const writes = batch.flatMap((waiting) => waiting.writes);
      try {
        await this.#append(writes);
        this.#entries.apply(writes);
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      if (this.#length > this.#compactAbove && this.#length > compactRatio * this.#entries.size)
        await this.#tryRewrite();
    }
    this.#writing = undefined;
  }

  async #append(writes: readonly Write[]): Promise<void> {
    const file = this.#file;
    if (!file || this.#state === 'broken') throw new E2eeError('store_damaged', 'The key store is broken.');
    const record = this.#cipher.seal(encodeWrites(writes));
    try {
      await writeFully(file, record, this.#length);
      await file.datasync();
    } catch (error) {
      // The disk may be full. Cut the half record off, or the next one would follow rubbish.
      await file.truncate(this.#length).catch(() => {
        this.#state = 'broken';
      });
      this.#cipher.unseal();
      throw error;
    }
    this.#length += record.length;
  }

  /** Growing on is better than failing: the log stays valid if it can't be rewritten now. */
  async #tryRewrite(): Promise<void> {
    try {
      await this.#rewrite();
    } catch {
      this.#compactAbove = 2 * this.#length;
    }
  }

  async #rewrite(): Promise<void> {
    const cipher = LogCipher.create(this.#secret);
    const path = join(this.#folder, 'store.log');
    const temporary = `${path}.new`;
    const file = await open(temporary, 'w+', 0o600);
    let length = 0;
    const put = async (bytes: Uint8Array) => {
      await writeFully(file, bytes, length);
      length += bytes.length;
    };
    try {
      await put(cipher.header);
      let chunk: Write[] = [];
      let size = 0;
      for (const { key, value } of this.#entries.entries()) {
        chunk.push({ put: key, value });
        size += key.length + value.length;
        if (size < compactChunk) continue;
        await put(cipher.seal(encodeWrites(chunk)));
        chunk = [];
        size = 0;
      }
      if (chunk.length > 0) await put(cipher.seal(encodeWrites(chunk)));
      await file.sync();
      await rename(temporary, path);
    } catch (error) {
      await file.close();
      throw error;
    }
    const old = this.#file;
    this.#file = file;
    this.#cipher = cipher;
    this.#length = length;
    await old?.close();
    await syncFolder(this.#folder).catch((error: unknown) => {
      this.#state = 'broken'; // after a crash the old file could be back, without what is written from here on
      throw error;
    });
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** Without this the rename itself may be forgotten in a crash. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const damaged = () => new E2eeError('store_damaged', 'The key store was changed or is damaged.');
