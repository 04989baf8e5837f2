import { randomBytes, scrypt } from 'node:crypto';
import { chmod, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { E2eeError } from '../e2ee/error.ts';

export interface StoreSecret {
  readonly key: Buffer;
  readonly kind: 'file' | 'passphrase';
}

/** The key from `store.key`, or made with the passphrase and the salt in `store.salt`. Both files are made once. */
export async function storeKey(folder: string, passphrase: string | undefined): Promise<StoreSecret> {
  if (passphrase === undefined) return { key: await secretFile(join(folder, 'store.key'), 32), kind: 'file' };
  const salt = await secretFile(join(folder, 'store.salt'), 16);
  const key = await new Promise<Buffer>((resolve, reject) => {
    // 128 MiB and about a third of a second: what each guess of a passphrase costs.
    const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
    scrypt(passphrase.normalize('NFKC'), salt, 32, cost, (error, derived) =>
      error ? reject(error) : resolve(derived),
    );
  });
  return { key, kind: 'passphrase' };
}

async function secretFile(path: string, length: number): Promise<Buffer> {
  const found = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found) {
    if (found.length !== length) throw new E2eeError('store_damaged', `${path} is not a key file.`);
    await chmod(path, 0o600);
    return found;
  }
  const made = randomBytes(length);
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(made);
    await file.sync();
  } finally {
    await file.close();
  }
  return made;
}
