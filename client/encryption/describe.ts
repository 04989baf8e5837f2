import type { E2eeEngine, GroupState } from '../e2ee/engine.ts';
import { epochCode } from '../e2ee/safety-number.ts';
import type { Unsafe } from './records.ts';

/** A conversation's group for an application's eyes. */
export interface GroupDescription {
  readonly isMember: boolean;
  readonly unsafe: Unsafe | undefined;
  readonly devices: readonly { readonly userId: string; readonly deviceId: string }[];
  /** Rises with every change of the group. */
  readonly epoch: number;
  /** Six digits, the same on all devices of the group at this epoch. */
  readonly code: string;
}

export function describeGroup(
  engine: E2eeEngine,
  state: GroupState | undefined,
  unsafe: Unsafe | undefined,
): GroupDescription {
  if (state === undefined) return { isMember: false, unsafe, devices: [], epoch: 0, code: '' };
  return {
    isMember: state.status === 'active',
    unsafe,
    devices: engine.members(state).map(({ userId, deviceId }) => ({ userId, deviceId })),
    epoch: state.epoch,
    code: epochCode(engine.epochAuthenticator(state)),
  };
}
