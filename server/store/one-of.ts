/** A statement's word, as one of those it may answer; any other is a mistake in the statement or here. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  text: string | null | undefined,
  statement: string,
): Word {
  const word = words.find((each) => each === text);
  if (word === undefined) throw new Error(`${statement} answered ${text}`);
  return word;
}
