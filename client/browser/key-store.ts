import { type Bytes, own, utf8 } from '../e2ee/bytes.ts';
import { E2eeError } from '../e2ee/error.ts';
import type { Entry, KeyStore, Range, Write } from '../e2ee/key-store.ts';

const keyName = 'wrapping-key';

/**
 * A key store in IndexedDB. Values are encrypted under an AES-GCM key that scripts can use but not read (names are
 * not encrypted). That keeps the values from whoever copies the profile's files, not from scripts of this origin.
 */
export async function openIndexedDbKeyStore(name: string): Promise<KeyStore> {
  const database = await openDatabase(name);
  const key = await wrappingKey(database);
  let last: Promise<unknown> = Promise.resolve();

  async function seal(write: Write): Promise<readonly [string, Bytes | undefined]> {
    if ('delete' in write) return [write.delete, undefined];
    const iv = crypto.getRandomValues(new Uint8Array(12));
    // The name is bound in, so that values can't be exchanged.
    const sealed = await crypto.subtle.encrypt(
      { name: 'AES-GCM', iv, additionalData: utf8(write.put) },
      key,
      own(write.value),
    );
    const stored = new Uint8Array(12 + sealed.byteLength);
    stored.set(iv);
    stored.set(new Uint8Array(sealed), 12);
    return [write.put, stored];
  }

  async function unseal(entryKey: string, stored: unknown): Promise<Bytes> {
    try {
      if (!(stored instanceof Uint8Array)) throw new TypeError('not bytes');
      const bytes = own(stored);
      const parameters = { name: 'AES-GCM', iv: bytes.subarray(0, 12), additionalData: utf8(entryKey) };
      return new Uint8Array(await crypto.subtle.decrypt(parameters, key, bytes.subarray(12)));
    } catch (cause) {
      throw new E2eeError('store_damaged', 'The key store was changed or is damaged.', { cause });
    }
  }

  async function transact(writes: readonly Write[]): Promise<void> {
    const sealing = Promise.all(writes.map(seal));
    sealing.catch(() => {}); // reported below
    const before = last;
    // Sealing takes unequal times, so each transaction waits for those before it, failed ones too.
    const mine = Promise.allSettled([before]).then(async () => {
      const sealed = await sealing;
      const transaction = database.transaction('entries', 'readwrite', { durability: 'strict' });
      const entries = transaction.objectStore('entries');
      for (const [entryKey, stored] of sealed) {
        if (stored) entries.put(stored, entryKey);
        else entries.delete(entryKey);
      }
      await done(transaction);
    });
    last = mine;
    return mine;
  }

  async function get(entryKey: string): Promise<Bytes | undefined> {
    const stored = await result(database.transaction('entries').objectStore('entries').get(entryKey));
    return stored === undefined ? undefined : unseal(entryKey, stored);
  }

  async function list(prefix: string, { after, limit, reverse }: Range = {}): Promise<Entry[]> {
    const found: { key: string; stored: unknown }[] = [];
    const lower = !reverse && after !== undefined && after >= prefix ? after : prefix;
    const upper = reverse && after !== undefined && after < `${prefix}\uffff` ? after : `${prefix}\uffff`;
    if (lower > upper) return [];
    const range = IDBKeyRange.bound(lower, upper, lower === after && !reverse, true);
    const request = database
      .transaction('entries')
      .objectStore('entries')
      .openCursor(range, reverse ? 'prev' : 'next');
    await new Promise<void>((resolve, reject) => {
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const cursor = request.result;
        if (!cursor || found.length >= (limit ?? Number.POSITIVE_INFINITY)) return resolve();
        found.push({ key: String(cursor.key), stored: cursor.value });
        cursor.continue();
      };
    });
    return Promise.all(
      found.map(async ({ key: entryKey, stored }) => ({ key: entryKey, value: await unseal(entryKey, stored) })),
    );
  }

  async function close(): Promise<void> {
    await Promise.allSettled([last]);
    database.close();
  }

  return { get, list, transact, close, [Symbol.asyncDispose]: close };
}

/** Forgets everything that was stored under this name. */
export async function deleteIndexedDbKeyStore(name: string): Promise<void> {
  await result(indexedDB.deleteDatabase(name));
}

async function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore('entries');
    request.result.createObjectStore('keys');
  };
  const database = await result(request);
  // Another tab wants to delete or upgrade it; holding on would block that for ever.
  database.onversionchange = () => database.close();
  return database;
}

/** Two tabs may both make a key at first; the one that is stored first is used by both. */
async function wrappingKey(database: IDBDatabase): Promise<CryptoKey> {
  const made = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt']);
  const transaction = database.transaction('keys', 'readwrite', { durability: 'strict' });
  const keys = transaction.objectStore('keys');
  const found: unknown = await result(keys.get(keyName));
  if (found === undefined) keys.put(made, keyName);
  await done(transaction);
  if (found === undefined) return made;
  if (!(found instanceof CryptoKey)) throw new E2eeError('store_damaged', 'The key store has no key.');
  return found;
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function done(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error('the transaction was aborted'));
  });
}
