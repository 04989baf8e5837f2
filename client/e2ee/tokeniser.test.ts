import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as v from 'valibot';
import { fromBase64url, randomBytes, toBase64url } from './bytes.ts';
import { nextKey } from './key-ring.ts';
import { searchQuery, searchTags, tagsOf } from './search-tags.ts';
import { isStopWord, stopWords } from './stop-words.ts';
import { newUser } from './testing.ts';
import { allTokens, normalise, tokenise, tokeniserVersion } from './tokeniser.ts';

const vectors = v.parse(
  v.object({
    version: v.number(),
    stopWords: v.record(v.string(), v.array(v.string())),
    cases: v.array(v.object({ text: v.string(), tokens: v.array(v.string()) })),
    tags: v.object({
      conversationId: v.string(),
      secret: v.string(),
      tags: v.array(v.object({ token: v.string(), tag: v.string() })),
    }),
  }),
  JSON.parse(readFileSync(new URL('../../../protocol/vectors/tokeniser.json', import.meta.url), 'utf8')),
);

test('the tokens are the published ones, in all scripts', () => {
  assert.equal(vectors.version, tokeniserVersion);
  assert.ok(vectors.cases.length >= 13);
  for (const { text, tokens } of vectors.cases) assert.deepEqual(tokenise(text), tokens, text);
});

test('the stop words are the published ones, and are spelt as the tokeniser spells', () => {
  assert.deepEqual(stopWords, vectors.stopWords);
  for (const [language, words] of Object.entries(stopWords)) {
    assert.ok(words.length >= 90, `${language} has ${words.length}`);
    assert.equal(new Set(words).size, words.length, `${language} lists each once`);
    for (const word of words) assert.equal(normalise(word), word);
  }
  assert.deepEqual(tokenise('The cat and the dog'), ['w:cat', 'w:dog']);
  assert.deepEqual([...allTokens('the cat')], ['w:the', 'w:cat']);
  assert.equal(isStopWord('toString'), false);
});

test('spellings that people regard as one word are one token', () => {
  for (const [one, other] of [
    ['Straße', 'STRASSE'],
    ['café', 'CAFE'],
    ['cafe\u0301', 'café'],
    ['don’t', "don't"],
    ['οδός', 'ΟΔΟΣ'],
    ['ﬁle', 'FILE'],
  ] as const) {
    assert.deepEqual([...allTokens(one)], [...allTokens(other)]);
  }
});

test('the tags are the published ones, and depend on conversation and secret', () => {
  const { conversationId, secret, tags } = vectors.tags;
  const key = fromBase64url(secret);
  const tokens = tags.map(({ token }) => token);
  assert.deepEqual(
    tagsOf(conversationId, key, tokens).map(toBase64url),
    tags.map(({ tag }) => tag),
  );
  assert.notDeepEqual(tagsOf(newUser(), key, tokens), tagsOf(conversationId, key, tokens));
  assert.notDeepEqual(tagsOf(conversationId, randomBytes(32), tokens), tagsOf(conversationId, key, tokens));
});

test('the tags of a message are padded to a multiple of 8 and never more than 48', () => {
  const conversationId = newUser();
  const key = { v: 4, key: randomBytes(32) };
  const counts = (text: string) => searchTags(conversationId, key, text).tags.length;
  assert.equal(counts(''), 8);
  assert.equal(counts('one word'), 8);
  assert.equal(counts('alpha beta gamma delta epsilon zeta eta theta'), 8);
  assert.equal(counts('alpha beta gamma delta epsilon zeta eta theta iota'), 16);
  assert.equal(counts(Array.from({ length: 100 }, (_, i) => `word${i}`).join(' ')), 48);
  assert.equal(searchTags(conversationId, key, 'x').v, 4);
});

test('a query matches the messages that contain all its words, under every key version, and only in its conversation', () => {
  const conversationId = newUser();
  const old = nextKey([], 0);
  const fresh = nextKey([old], 1);
  const found = (query: ReturnType<typeof searchQuery>, message: ReturnType<typeof searchTags>) =>
    (query ?? []).some(({ v: version, tags }) => {
      const has = new Set(message.tags.map(toBase64url));
      return version === message.v && tags.every((tag) => has.has(toBase64url(tag)));
    });
  const query = searchQuery(conversationId, [old, fresh], 'the Lazy DOG');
  assert.equal(query?.length, 2);
  for (const key of [old, fresh]) {
    assert.ok(found(query, searchTags(conversationId, key, 'a lazy dog sleeps')));
    assert.ok(!found(query, searchTags(conversationId, key, 'a lazy cat sleeps')));
    assert.ok(!found(query, searchTags(newUser(), key, 'a lazy dog sleeps')));
  }
  assert.ok(
    !found(searchQuery(conversationId, [old], 'dog'), searchTags(conversationId, fresh, 'dog')),
    'a removed member cannot ask for later words',
  );
  assert.equal(searchQuery(conversationId, [old], 'the and of'), undefined);
  assert.equal(searchQuery(conversationId, [], 'dog'), undefined);
  assert.equal(searchQuery(conversationId, [old], 'a1 b2 c3 d4 e5 f6 g7 h8 i9 j10')?.[0]?.tags.length, 8);
});
