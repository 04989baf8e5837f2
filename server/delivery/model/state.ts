/** Who sends which message. Messages and devices are counted from 0, sequence numbers from 1; sets of either are bit masks. */
export const SENDERS = [0, 0, 1];

/** A message on its way through an instance. `live`: the connection that sent it is still the device's. */
export interface Send {
  readonly message: number;
  live: boolean;
}
export interface Batch {
  readonly sends: Send[];
  committed: boolean;
}
export interface Instance {
  waiting: Send[];
  batches: Batch[];
}
export interface Device {
  /** Where it is connected, or -1. */
  at: number;
  /** The outbox: the last entry written, the highest known to exist, own entries whose reply was enough. */
  sent: number;
  known: number;
  own: number;
  /** Sent on this connection. */
  asked: number;
  /** The device: entries handed to the application, entries known by their reply, own messages known to be stored. */
  held: number;
  replied: number;
  stored: number;
}
export interface State {
  log: number[];
  instances: Instance[];
  bus: number[];
  devices: Device[];
}

export function initial(): State {
  const device = (): Device => ({ at: -1, sent: 0, known: 0, own: 0, asked: 0, held: 0, replied: 0, stored: 0 });
  return {
    log: [],
    instances: [
      { waiting: [], batches: [] },
      { waiting: [], batches: [] },
    ],
    bus: [0, 0],
    devices: [device(), device()],
  };
}

/** Messages that an instance has taken and not answered. */
export const underway = (state: State): Send[] =>
  state.instances.flatMap(({ waiting, batches }) => [...waiting, ...batches.flatMap((batch) => batch.sends)]);

export const has = (mask: number, bit: number): boolean => (mask & (1 << bit)) !== 0;

export function part<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new Error(`the model has no part ${index}`);
  return found;
}
