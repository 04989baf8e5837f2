import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { memoryStore } from '../client/index.ts';
import { clients, firstPhone, has, meet, phoneOf, start, words } from './testing/encrypted.ts';
import { runServer, until } from './testing/running-server.ts';

const rings = v.looseObject({ search: v.array(v.looseObject({ v: v.number() })) });

test('a search key of a version that the server does not take costs the tags, and no message', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const store = memoryStore();
  const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada', { store }), firstPhone(t, server, 'bob')]);
  const id = await meet(ada, bob);
  await ada.client.setSearchOnServer(id, true);
  const isAgreed = () => [ada, bob].every(({ client }) => client.conversation(id)?.searchOnServer === true);
  await until(clients(ada, bob), isAgreed, 'the server and everyone know');
  await ada.client.send(id, words('the first oak'));
  await has('the first oak', ada, bob);
  await ada.client.close();
  // As if a member had made one of this version.
  for (const { key, value } of await store.list({ prefix: 'e2ee/keys/' })) {
    const known = v.parse(rings, value);
    assert.equal(known.search.length, 1);
    await store.write([{ key, value: { ...known, search: known.search.map((each) => ({ ...each, v: 60_000 })) } }]);
  }
  const again = await start(phoneOf(t, server, { store }));
  await again.client.send(id, words('the second oak'));
  await has('the second oak', again, bob);
  assert.equal((await server.sql`select seq from message_search where conversation_id = ${id}`).length, 1);
});
