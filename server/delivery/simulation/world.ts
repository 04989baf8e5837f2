import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

/** How badly things go. All zero: nothing fails. */
export interface Weather {
  /** Bus messages that vanish although the bus looks well. */
  busLoss: number;
  /** Calls to the store that fail before, or after, they took effect. */
  storeFailure: number;
  /** Conversations found busy. */
  busy: number;
  /** Batches that the database refuses as a whole. */
  refusal: number;
}

export const calm: Weather = { busLoss: 0, storeFailure: 0, busy: 0, refusal: 0 };

/** What everything in a simulation shares. */
export interface World {
  readonly time: Timeline;
  readonly random: Random;
  weather: Weather;
  /** A promise is broken: the simulation ends with this. */
  broken(promise: string): never;
  note(text: string): void;
}

export class BrokenPromise extends Error {}
