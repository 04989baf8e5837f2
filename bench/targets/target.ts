import type { Seat } from '../driver/connection.ts';
import type { DialectName } from '../driver/dialect.ts';

/** A server that the driver can load. Another one needs a file like those beside this, and perhaps a dialect. */
export interface Target extends AsyncDisposable {
  readonly name: string;
  readonly dialect: DialectName;
  /** Whether it promises the order of the contract; checked if it does. */
  readonly ordered: boolean;
  readonly port: number;
  readonly pid: number;
  /** Whether its messages end up in PostgreSQL. */
  readonly durable: boolean;
  /** Fresh users; 2k and 2k + 1 share a fresh conversation. */
  seats(count: number): Promise<Seat[]>;
}
