import assert from 'node:assert/strict';
import { test } from 'node:test';
import { phrasesOf } from './query.ts';
import { snippetOf } from './snippet.ts';

const marked = (text: string, query: string): string | undefined => {
  const snippet = snippetOf(text, phrasesOf(query));
  if (snippet === undefined) return undefined;
  let out = '';
  let at = 0;
  for (const [from, to] of snippet.matches) {
    out += `${snippet.text.slice(at, from)}[${snippet.text.slice(from, to)}]`;
    at = to;
  }
  return out + snippet.text.slice(at);
};

test('what was looked for is marked as the text spells it, in all scripts', () => {
  for (const [text, query, expected] of [
    ['Viele Grüße, Ada!', 'grusse ADA', 'Viele [Grüße], [Ada]!'],
    ['Viele Grüße, Ada!', 'GRÜSSE ada', 'Viele [Grüße], [Ada]!'],
    ['in der Straße', 'strasse', 'in der [Straße]'],
    ['a ﬁle-name here', 'file', 'a [ﬁle]-name here'],
    ['foo-bar', 'bar', 'foo-[bar]'],
    ["I don't know", 'dont', "I [don't] know"],
    ['東京都に住む', '京都', '東[京都]に住む'],
    ['東京都に住む', '都', '東京[都]に住む'],
    ['東京タワー', '東京', '[東京]タワー'],
    ['to be or not to be', '"to be"', '[to] [be] or not [to] [be]'],
    ['be to be', '"to be"', 'be [to] [be]'],
    ['cafe\u0301 noir', 'café', '[cafe\u0301] noir'],
    ['שָׁלוֹם עולם', 'שלום', '[שָׁלוֹם] עולם'],
    ['สวัสดีครับ', 'สวัสดี', '[สวัสดี]ครับ'],
    ['привет, мир', 'МИР', 'привет, [мир]'],
    ['a 😀 smile', 'smile', 'a 😀 [smile]'],
    ['nothing of it', 'else', undefined],
  ] as const)
    assert.equal(marked(text, query), expected, `${query} in ${text}`);
});

test('a long text is cut around the first match, between words and never inside a character', () => {
  const long = `${'before '.repeat(60)}needle ${'after 😀 '.repeat(60)}`;
  const snippet = snippetOf(long, phrasesOf('needle'));
  assert.ok(snippet && snippet.text.length <= 164, snippet?.text);
  assert.match(snippet.text, /^…before .*needle after .*…$/u);
  const unbroken = snippetOf(`${'😀'.repeat(200)}needle`, phrasesOf('needle'));
  assert.doesNotMatch(unbroken?.text ?? '', /\p{Cs}/u);
  assert.deepEqual(
    unbroken?.matches.map(([from, to]) => unbroken.text.slice(from, to)),
    ['needle'],
  );
});
