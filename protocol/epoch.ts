/**
 * A conversation's epoch and the epoch of its MLS group. A conversation that is reset goes on in a new group, which
 * starts again at MLS epoch 0, while the conversation's epoch only ever rises:
 *
 *     conversation epoch = generation of the group × 2^32 + MLS epoch
 *
 * So either side knows from the number alone which group a message belongs to, and in the first group (generation 0)
 * the two epochs are the same.
 */
const PER_GENERATION = 2 ** 32;

/** The last generation whose epochs fit in a safe integer. */
export const MAX_GENERATION = 2 ** 21 - 1;

/** The conversation's epoch at an epoch of one of its groups. Throws a RangeError for what has no such number. */
export function conversationEpoch(generation: number, mlsEpoch: number): number {
  if (!isWhole(generation) || generation > MAX_GENERATION) throw new RangeError('no generation of a group');
  if (!isWhole(mlsEpoch) || mlsEpoch >= PER_GENERATION) throw new RangeError('no epoch of a group');
  return generation * PER_GENERATION + mlsEpoch;
}

/** Which group, and which epoch of it, a conversation's epoch is. */
export function groupEpoch(epoch: number): { generation: number; mlsEpoch: number } {
  return { generation: Math.floor(epoch / PER_GENERATION), mlsEpoch: epoch % PER_GENERATION };
}

const isWhole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
