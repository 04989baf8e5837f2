import { isStopWord } from './stop-words.ts';

/** Goes up with every change of a token, a rule or a stop word: an old index then no longer fits new queries. */
export const tokeniserVersion = 1;

const maxTokens = 48;
const maxWordLength = 64;

// Scripts written without spaces between words. Their runs become pairs of characters.
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const mark = /\p{M}/u;
// Accents, Arabic vowel signs, Hebrew points. Not all of \p{M}: in Thai or Hindi a mark is half of a letter.
const droppedMarks = /[\u0300-\u036f\u064b-\u0652\u0670\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]/g;
const innerApostrophe = /(?<=\p{L})['’ʼ](?=\p{L})/gu;

/** One spelling for what people regard as the same word. Uses no locale and no dictionary, so it is the same anywhere. */
export function normalise(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll('ς', 'σ')
    .normalize('NFD')
    .replace(droppedMarks, '')
    .normalize('NFC')
    .replace(innerApostrophe, '');
}

/** Cuts a word where it changes between spaced and unspaced script; a mark belongs to what is before it. */
function* runs(word: string): Generator<{ characters: string[]; isUnspaced: boolean }> {
  let characters: string[] = [];
  let isUnspaced = false;
  for (const character of word) {
    const kind: boolean = mark.test(character) && characters.length > 0 ? isUnspaced : unspaced.test(character);
    if (characters.length > 0 && kind !== isUnspaced) {
      yield { characters, isUnspaced };
      characters = [];
    }
    isUnspaced = kind;
    characters.push(character);
  }
  if (characters.length > 0) yield { characters, isUnspaced };
}

/** `w:` and a word, or `b:` and one or two characters of an unspaced script; in order, each once, with stop words. */
export function* allTokens(text: string): Generator<string> {
  const seen = new Set<string>();
  const fresh = (token: string) => !seen.has(token) && seen.add(token);
  for (const [word] of normalise(text).matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    for (const { characters, isUnspaced } of runs(word)) {
      const pairs = characters.slice(1).map((character, i) => `b:${characters[i]}${character}`);
      const tokens = !isUnspaced ? [`w:${characters.join('')}`] : pairs.length > 0 ? pairs : [`b:${characters[0]}`];
      if (!isUnspaced && characters.length > maxWordLength) continue;
      for (const token of tokens) if (fresh(token)) yield token;
    }
  }
}

/** What a text is found by: at most 48 tokens, stop words skipped. */
export function tokenise(text: string): string[] {
  const tokens: string[] = [];
  for (const token of allTokens(text)) {
    if (token.startsWith('w:') && isStopWord(token.slice(2))) continue;
    tokens.push(token);
    if (tokens.length === maxTokens) break;
  }
  return tokens;
}
