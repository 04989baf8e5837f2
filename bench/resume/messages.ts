import type { Seat } from '../driver/connection.ts';

/** Parent to worker. */
export type Order =
  | {
      readonly do: 'open';
      readonly seats: readonly Seat[];
      readonly firstIndex: number;
      readonly port: number;
      readonly run: string;
    }
  /** Every device sends one message, and acknowledges nothing that it gets. */
  | { readonly do: 'send' }
  /** One device in ten sends at once; then the server dies. Whoever loses its connection goes to this port. */
  | { readonly do: 'strike'; readonly port: number }
  | { readonly do: 'stop' };

export interface Return {
  /** Milliseconds since 1970 at which each device was back in sync, and at which it held everything. */
  readonly syncedAt: readonly number[];
  readonly completeAt: readonly number[];
  readonly sent: number;
  readonly attempts: number;
  /** Entries that came again, since their acknowledgement had not been sent: the SDK drops them. */
  readonly again: number;
  readonly cpuMillis: number;
  readonly problems: readonly string[];
}

/** Worker to parent. */
export type News =
  | { readonly did: 'open' }
  | { readonly did: 'send' }
  | { readonly did: 'strike' }
  | ({ readonly did: 'return' } & Return);
