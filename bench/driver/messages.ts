import type { Seat } from './connection.ts';
import type { DialectName } from './dialect.ts';

/** One closed-loop run. Seats 2k and 2k + 1 share a conversation. */
export interface LoadPlan {
  readonly host: string;
  /** One for each instance; the connections take turns, so that no two of a conversation meet on one. */
  readonly ports: readonly number[];
  readonly dialect: DialectName;
  readonly ordered: boolean;
  readonly depth: number;
  readonly messageBytes: number;
  readonly ackEvery: number;
  readonly ackMs: number;
  readonly run: string;
  /** Connections that one process opens at a time. */
  readonly connectingAtOnce: number;
  readonly seats: readonly Seat[];
}

/** Parent to worker. */
export type Order =
  | { readonly do: 'connect'; readonly plan: LoadPlan; readonly firstIndex: number }
  | { readonly do: 'start' }
  /** Begins (or begins anew) what is counted. */
  | { readonly do: 'begin' }
  | { readonly do: 'end' }
  | { readonly do: 'stop' };

/** What one worker counted between `begin` and `end`. */
export interface Tally {
  readonly replies: number;
  readonly events: number;
  readonly millis: number;
  readonly cpuMillis: number;
  readonly replyCounts: readonly number[];
  readonly eventCounts: readonly number[];
}

/** Worker to parent. */
export type News =
  | { readonly did: 'connect' }
  | { readonly did: 'end'; readonly tally: Tally }
  | { readonly did: 'stop'; readonly sent: number; readonly problems: readonly string[] };
