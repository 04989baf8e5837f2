import * as v from 'valibot';
import { event, request } from './define.ts';
import { exactBytes, line, timestamp, uuid, version } from './scalars.ts';

export const deviceName = line(64);

export const device = v.object({
  deviceId: uuid,
  name: deviceName,
  /** True for the device that asks. */
  current: v.boolean(),
  createdAt: timestamp,
  lastSeenAt: v.optional(timestamp),
});

export const deviceList = request('device.list', v.object({}), v.object({ devices: v.array(device) }));

/** Ends a device for good. `signature`: by the account key, where the account has one. */
export const deviceRevoke = request(
  'device.revoke',
  v.object({ deviceId: uuid, signature: v.optional(exactBytes(64)) }),
  v.object({}),
);

/** The set of a user's devices or keys changed; `version` counts these changes. */
export const deviceChanged = event('device.changed', v.object({ userId: uuid, version }));
