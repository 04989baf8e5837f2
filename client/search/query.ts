import { occurrences } from '../e2ee/tokeniser.ts';
import type { Postings } from './words.ts';

/** Tokens at their distance from the first one. */
export type Phrase = readonly { readonly token: string; readonly at: number }[];

const MAX_PHRASES = 32;

/**
 * What a text asks for: every word somewhere, and what stands between double quotes together and in that order. Runs of
 * an unspaced script count as quoted.
 */
export function phrasesOf(text: string, asPhrase = false): Phrase[] {
  const phrases: Phrase[] = [];
  for (const [index, part] of (asPhrase ? ['', text] : text.split(/["“”„«»]/)).entries()) {
    const groups = new Map<number, { token: string; at: number }[]>();
    for (const { token, at, word } of occurrences(part)) {
      const key = index % 2 === 1 ? 0 : word;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [{ token, at }]);
      else group.push({ token, at });
    }
    for (const group of groups.values()) {
      const first = group[0]?.at ?? 0;
      phrases.push(group.map(({ token, at }) => ({ token, at: at - first })));
    }
  }
  return phrases.slice(0, MAX_PHRASES);
}

/** One character of an unspaced script is a part of pairs, which are what texts have as tokens. */
export const singleCharacter = (token: string): string | undefined => {
  const character = token.startsWith('b:') ? token.slice(2) : '';
  return [...character].length === 1 ? character : undefined;
};

/** The places at which a phrase begins in a text, by its tokens' places. */
export function phrasePlaces(phrase: Phrase, places: (token: string) => readonly number[]): number[] {
  const [first, ...rest] = phrase;
  if (first === undefined) return [];
  const others = rest.map(({ token, at }) => ({ at, places: new Set(places(token)) }));
  return places(first.token).filter((place) => others.every((other) => other.places.has(place + other.at)));
}

/** Places of a token among a text's tokens, also of a single character inside pairs. */
export function placesIn(tokens: ReadonlyMap<string, readonly number[]>, token: string): readonly number[] {
  const character = singleCharacter(token);
  if (character === undefined) return tokens.get(token) ?? [];
  const found: number[] = [];
  for (const [other, places] of tokens) {
    if (!other.startsWith('b:')) continue;
    if (other.startsWith(token)) found.push(...places);
    else if (other.endsWith(character)) found.push(...places.map((place) => place + 1));
  }
  return [...new Set(found)].sort((a, b) => a - b);
}

export function tokensOf(text: string): Map<string, number[]> {
  const tokens = new Map<string, number[]>();
  for (const { token, at } of occurrences(text)) {
    const places = tokens.get(token);
    if (places === undefined) tokens.set(token, [at]);
    else places.push(at);
  }
  return tokens;
}

/** The messages of a segment in which a phrase occurs, rising. `get` gives the postings of a token. */
export function documentsWith(phrase: Phrase, get: (token: string) => Postings): Uint32Array {
  const all = phrase.map(({ token, at }) => ({ at, postings: get(token) }));
  const [first] = all;
  if (first === undefined || all.some(({ postings }) => postings.documents.length === 0)) return new Uint32Array();
  if (all.length === 1) return first.postings.documents;
  const common = all.map(({ postings }) => postings.documents).sort((a, b) => a.length - b.length);
  const candidates = common.slice(1).reduce((left, right) => intersect(left, right), common[0] ?? new Uint32Array());
  const cursors = all.map(() => 0);
  return candidates.filter((document) => {
    const lists = all.map(({ postings: { documents, starts, places } }, i) => {
      let at = cursors[i] ?? 0;
      while ((documents[at] ?? document) < document) at += 1;
      cursors[i] = at;
      return places.subarray(starts[at], starts[at + 1]);
    });
    return lists[0]?.some((place) => all.every(({ at }, i) => i === 0 || lists[i]?.includes(place + at - first.at)));
  });
}

/** What two rising lists share. */
export function intersect(few: Uint32Array, many: Uint32Array): Uint32Array {
  let at = 0;
  return few.filter((value) => {
    while ((many[at] ?? Number.POSITIVE_INFINITY) < value) at += 1;
    return many[at] === value;
  });
}
