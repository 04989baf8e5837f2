import { type ClientStore, storeIn } from '../store.ts';
import { openIndexedDbKeyStore } from './key-store.ts';

/** A store in IndexedDB, its values encrypted under a key that scripts can use but not read. */
export const openIndexedDbStore = async (name: string): Promise<ClientStore> =>
  storeIn(await openIndexedDbKeyStore(name));
