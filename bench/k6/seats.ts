import { SharedArray } from 'k6/data';
import exec from 'k6/execution';

/** A provisioned user's device and its direct conversation; 2k and 2k + 1 share one. Written by the set-up step. */
export interface Seat {
  readonly token: string;
  readonly conversationId: string;
  readonly username: string;
}

export const seats = new SharedArray<Seat>('seats', () => JSON.parse(open(setting('SEATS'))));

/** What `npm run bench:k6` passes on. */
export function setting(name: string, otherwise?: string): string {
  const value = __ENV[name] ?? otherwise;
  if (value === undefined) throw new Error(`${name} is not set: run these scenarios with npm run bench:k6`);
  return value;
}

export const users = Number(setting('USERS', '300'));
export const seconds = Number(setting('SECONDS', '30'));
/** A virtual user is an interpreter of its own, so each carries many connections. */
export const usersPerVu = Math.max(2, 2 * Math.ceil(users / 2 / Number(setting('VUS', '20'))));
export const vus = Math.ceil(users / usersPerVu);

/** The seats of the virtual user that asks. */
export function ownSeats(): readonly { seat: Seat; index: number }[] {
  // Ids of virtual users run through all scenarios; iterations count within one.
  const from = exec.scenario.iterationInTest * usersPerVu;
  return Array.from({ length: Math.max(0, Math.min(usersPerVu, users - from)) }, (_, i) => ({
    seat: seats[from + i] as Seat,
    index: from + i,
  }));
}

/** One iteration per virtual user, each of which ends by itself. */
export const oneEach = (graceSeconds = 30) => ({
  executor: 'per-vu-iterations' as const,
  vus,
  iterations: 1,
  maxDuration: `${seconds + graceSeconds}s`,
});
