import { test } from 'node:test';
import { memoryKeyStore } from './key-store.ts';
import { checkKeyStore } from './testing/key-store-rules.ts';

test('the store in memory keeps the rules of key stores', async () => {
  await checkKeyStore(memoryKeyStore(), async (store) => store);
});
