import { type ClientStore, storeIn } from '../store.ts';
import { type FileKeyStoreOptions, openFileKeyStore } from './key-store.ts';

/** A store in one folder, which only its owner can read, encrypted, and held by one process at a time. */
export const openFileStore = async (folder: string, options: FileKeyStoreOptions = {}): Promise<ClientStore> =>
  storeIn(await openFileKeyStore(folder, options));
