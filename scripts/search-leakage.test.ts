import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { searchQuery, searchTags } from '../client/e2ee/search-tags.ts';
import { tokenise } from '../client/e2ee/tokeniser.ts';
import { testDatabase } from '../server/testing/database.ts';
import { startMessaging } from '../server/testing/messaging.ts';
import { addPerson } from '../server/testing/people.ts';

const said = [
  'the treasure is under the third oak',
  'which oak? there is a treasure map on the table',
  'nobody must know of the map',
  'das Wetter in 東京 ist schön',
  'schönes Wetter auch hier',
  '',
];

/** What somebody reads who has the table and nothing else: which rows share a tag. */
interface Row {
  readonly conversationId: string;
  readonly seq: number;
  readonly v: number;
  readonly tags: readonly string[];
}

function sharedTags(rows: readonly Row[]): string[][] {
  const holders = new Map<string, string[]>();
  for (const { conversationId, v, seq, tags } of rows)
    for (const tag of tags) holders.set(tag, [...(holders.get(tag) ?? []), `${conversationId} ${v} ${seq}`]);
  return [...holders.values()].filter((each) => each.length > 1).sort();
}

test('search tags tell the server which messages share a word, but not the word, and nothing across conversations or keys', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url });
  const ada = await addPerson(db.sql);
  const a = await server.connect(ada);
  const rooms: { id: string; keys: { v: number; key: Uint8Array<ArrayBuffer>; at: number }[] }[] = [];
  const truth: Row[] = [];
  for (let n = 0; n < 2; n += 1) {
    const bob = await addPerson(db.sql);
    const { id } = (await a.request('conversation.open', { userId: bob.userId })).conversation;
    await a.request('conversation.update', { conversationId: id, searchOnServer: true });
    const keys = [1, 2].map((v) => ({ v, key: new Uint8Array(randomBytes(32)), at: 0 }));
    rooms.push({ id, keys });
    // The same is said in both conversations, and again after the key was rotated.
    for (const ring of keys) {
      for (const text of said) {
        const { v, tags } = searchTags(id, ring, text);
        const search = { v, tags: tags.map((tag) => Buffer.from(tag).toString('base64url')) };
        const clientId = randomUUID();
        const { seq } = await a.request('message.send', {
          conversationId: id,
          clientId,
          epoch: 0,
          mls: 'AAAA',
          search,
        });
        truth.push({ conversationId: id, v, seq, tags: tokenise(text).map((token) => `${id} ${v} ${token}`) });
      }
    }
  }
  const rows = (
    await db.sql<
      Row[]
    >`select conversation_id, seq, v, tags::text[] as tags from message_search order by conversation_id, seq`
  ).map((row) => ({ ...row, tags: row.tags.map((tag) => int8(tag)) }));
  assert.equal(rows.length, truth.length);

  // It sees which messages share a word, how often each occurs, and about how many words a message has.
  const seen = sharedTags(rows);
  assert.deepEqual(seen, sharedTags(truth));
  assert.ok(
    seen.some((messages) => messages.length === 2),
    'treasure, oak, map, Wetter',
  );
  for (const { tags } of rows) assert.ok(tags.length % 8 === 0 && tags.length > 0);
  // It sees nothing across conversations, nor across a rotation, though the very same was said there.
  for (const messages of seen) {
    const keys = messages.map((message) => message.split(' ').slice(0, 2).join(' '));
    assert.equal(new Set(keys).size, 1, 'a shared tag stays within one key of one conversation');
  }
  // Nor what every message shares, if it says nothing: those words have no tags.
  assert.ok(!truth.some(({ tags }) => tags.some((tag) => tag.endsWith(' w:the'))));

  // A word isn't in the table, and without the key nobody can try words.
  const dump = Buffer.from(
    JSON.stringify(rows) +
      rows.flatMap(({ tags }) => tags.map((tag) => Buffer.from(tag, 'base64url').toString('latin1'))).join('\n'),
  );
  const all = new Set(rows.flatMap(({ tags }) => tags));
  for (const token of new Set(said.flatMap(tokenise))) {
    assert.ok(!dump.includes(token.slice(2)), token);
    const guesses = [createHash('sha256').update(token).digest()];
    for (const { id } of rooms) guesses.push(createHmac('sha256', id).update(token).digest());
    guesses.push(createHmac('sha256', randomBytes(32)).update(token).digest());
    for (const guess of guesses) assert.ok(!all.has(guess.subarray(0, 8).toString('base64url')), token);
  }

  // With the keys the same rows answer, under both.
  for (const { id, keys } of rooms) {
    const query = searchQuery(id, keys, 'treasure OAK') ?? [];
    const wire = query.map(({ v, tags }) => ({ v, tags: tags.map((tag) => Buffer.from(tag).toString('base64url')) }));
    const { matches } = await a.request('message.search', { queries: [{ conversationId: id, keys: wire }] });
    const expected = truth.filter(
      ({ conversationId, tags }) =>
        conversationId === id &&
        ['w:treasure', 'w:oak'].every((token) => tags.some((tag) => tag.endsWith(` ${token}`))),
    );
    assert.deepEqual(
      matches.map(({ seq }) => seq),
      expected.map(({ seq }) => seq).reverse(),
    );
    assert.equal(matches.length, 4);
  }
});

/** The 8 bytes that the table keeps as an integer. */
function int8(text: string): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(text));
  return bytes.toString('base64url');
}
