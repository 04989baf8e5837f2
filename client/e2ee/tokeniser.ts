import { isStopWord } from './stop-words.ts';

/** Goes up with every change of a token, a rule or a stop word: an old index then no longer fits new queries. */
export const tokeniserVersion = 2;

const maxTokens = 48;
const maxWordLength = 64;

// Scripts written without spaces between words, whose runs become pairs of characters. The long vowel mark of Kana belongs
// to no script by Unicode's main property.
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
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

/** A token at its place: words count as one place, characters of an unspaced script as one each. */
export interface Occurrence {
  readonly token: string;
  readonly at: number;
  /** The tokens of one word or run share it. */
  readonly word: number;
}

interface Run {
  readonly characters: readonly string[];
  readonly isUnspaced: boolean;
  /** Its first place. */
  readonly at: number;
  /** Where it begins in the normalised text. */
  readonly start: number;
}

function* allRuns(normalised: string): Generator<Run> {
  let at = 0;
  for (const { 0: word, index } of normalised.matchAll(/[\p{L}\p{N}\p{M}]+/gu)) {
    let start = index;
    for (const { characters, isUnspaced } of runs(word)) {
      yield { characters, isUnspaced, at, start };
      at += isUnspaced ? characters.length : 1;
      for (const character of characters) start += character.length;
    }
  }
}

/** `w:` and a word, or `b:` and one or two characters of an unspaced script: every one, in order, with stop words. */
export function* occurrences(text: string): Generator<Occurrence> {
  let word = 0;
  for (const { characters, isUnspaced, at } of allRuns(normalise(text))) {
    word += 1;
    if (!isUnspaced) {
      if (characters.length <= maxWordLength) yield { token: `w:${characters.join('')}`, at, word };
      continue;
    }
    if (characters.length === 1) yield { token: `b:${characters[0]}`, at, word };
    for (let i = 1; i < characters.length; i += 1)
      yield { token: `b:${characters[i - 1]}${characters[i]}`, at: at + i - 1, word };
  }
}

/** Where each place is in the normalised text. */
export function* places(normalised: string): Generator<{ readonly start: number; readonly end: number }> {
  for (const { characters, isUnspaced, start } of allRuns(normalised)) {
    let from = start;
    for (const part of isUnspaced ? characters : [characters.join('')]) {
      yield { start: from, end: from + part.length };
      from += part.length;
    }
  }
}

/** The tokens of a text, each once. */
export function* allTokens(text: string): Generator<string> {
  const seen = new Set<string>();
  for (const { token } of occurrences(text)) {
    if (seen.has(token)) continue;
    seen.add(token);
    yield token;
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
