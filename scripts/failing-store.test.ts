import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore } from '../client/index.ts';
import { firstPhone, has, meet, words } from './testing/encrypted.ts';
import { runServer } from './testing/running-server.ts';

test('a store that could not be read for a moment costs no message, though its key opens it only once', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const store = memoryStore();
  let failing = 0;
  const get: typeof store.get = async (key) => {
    if (key.startsWith('life/') && failing > 0) {
      failing -= 1;
      throw new Error('the disk is asleep');
    }
    return store.get(key);
  };
  const [ada, bob] = await Promise.all([
    firstPhone(t, server, 'ada'),
    firstPhone(t, server, 'bob', { store: { ...store, get } }),
  ]);
  const id = await meet(ada, bob);
  failing = 1;
  await ada.client.send(id, words('read all the same'));
  await has('read all the same', ada, bob);
  assert.equal(failing, 0, 'the store failed once');
});
