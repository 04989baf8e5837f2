import { type ClientStore, storeIn } from '../store.ts';
import { type FileKeyStoreOptions, openFileKeyStore } from './key-store.ts';

/**
 * A store in one folder, which only its owner can read, encrypted, and held by one process at a time. Rejects with an
 * `E2eeError`: `store_locked` while another process holds it, `store_damaged` when what is there can't be read.
 */
export const openFileStore = async (folder: string, options: FileKeyStoreOptions = {}): Promise<ClientStore> =>
  storeIn(await openFileKeyStore(folder, options));
