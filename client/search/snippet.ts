import { normalise, places } from '../e2ee/tokeniser.ts';
import { type Phrase, phrasePlaces, placesIn, tokensOf } from './query.ts';

/** A part of a text around the words that were looked for. */
export interface Snippet {
  readonly text: string;
  /** Where in `text` they are: from, to before; rising, not overlapping. */
  readonly matches: readonly (readonly [from: number, to: number])[];
}

const LENGTH = 160;
const BEFORE = 40;
// What normalises as a whole: a character with its marks, letters around an apostrophe.
const piece = /\p{L}\p{M}*(?:['’ʼ]\p{L}\p{M}*)+|.\p{M}*/gsu;

/** Undefined if the text does not have all that is looked for. */
export function snippetOf(text: string, phrases: readonly Phrase[]): Snippet | undefined {
  const wanted = matchedPlaces(text, phrases);
  if (wanted === undefined) return undefined;
  const matches = join(text, rangesOf(text, wanted));
  const first = matches[0]?.[0] ?? 0;
  const from =
    text.length <= LENGTH ? 0 : wordStart(text, Math.max(0, Math.min(first - BEFORE, text.length - LENGTH)), first);
  const to = wordEnd(text, Math.min(text.length, from + LENGTH));
  const ahead = from > 0 ? '…' : '';
  return {
    text: ahead + text.slice(from, to) + (to < text.length ? '…' : ''),
    matches: matches
      .filter(([start]) => start < to)
      .map(([start, end]) => [start - from + ahead.length, Math.min(end, to) - from + ahead.length] as const),
  };
}

function matchedPlaces(text: string, phrases: readonly Phrase[]): Set<number> | undefined {
  const tokens = tokensOf(text);
  const wanted = new Set<number>();
  for (const phrase of phrases) {
    const starts = phrasePlaces(phrase, (token) => placesIn(tokens, token));
    if (starts.length === 0) return undefined;
    for (const start of starts) {
      for (const { token, at } of phrase) {
        wanted.add(start + at);
        if (token.startsWith('b:') && [...token].length > 3) wanted.add(start + at + 1);
      }
    }
  }
  return wanted;
}

/** Where the places of the normalised text are in the text itself. */
function rangesOf(text: string, wanted: ReadonlySet<number>): [number, number][] {
  const ranges: [number, number][] = [];
  let place = 0;
  for (const { 0: chunk, index } of text.matchAll(/\S+/gu)) {
    const normalised = normalise(chunk);
    let origin: number[] | undefined;
    for (const { start, end } of places(normalised)) {
      if (wanted.has(place)) {
        origin ??= originOf(chunk, normalised);
        ranges.push([index + (origin[start] ?? 0), index + (origin[end] ?? chunk.length)]);
      }
      place += 1;
    }
  }
  return ranges;
}

/** For each offset in the normalised chunk the offset in the chunk; the chunk's ends where that can't be said. */
function originOf(chunk: string, normalised: string): number[] {
  const origin: number[] = [];
  let whole = '';
  let end = 0;
  for (const { 0: part, index } of chunk.matchAll(piece)) {
    const made = normalise(part);
    for (let i = 0; i < made.length; i += 1) origin.push(index);
    whole += made;
    end = index + part.length;
  }
  origin.push(end);
  return whole === normalised ? origin : [...Array.from(normalised, () => 0), chunk.length];
}

/** Neighbours with nothing between them become one. */
function join(text: string, ranges: readonly [number, number][]): [number, number][] {
  const joined: [number, number][] = [];
  for (const [from, to] of ranges) {
    const last = joined.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to);
    else joined.push([from, Math.min(to, text.length)]);
  }
  return joined;
}

/** Moved to the next word, unless that is further than `most`. */
function wordStart(text: string, at: number, most: number): number {
  if (at === 0) return 0;
  const space = text.slice(at, most).search(/\s/u);
  if (space >= 0) return at + space + 1;
  return isLowSurrogate(text, at) ? at - 1 : at;
}

function wordEnd(text: string, at: number): number {
  if (at === text.length) return at;
  const space = text.slice(at - 20, at).search(/\s\S*$/u);
  if (space > 0) return at - 20 + space;
  return isLowSurrogate(text, at) ? at - 1 : at;
}

const isLowSurrogate = (text: string, at: number): boolean => /[\udc00-\udfff]/.test(text[at] ?? '');
