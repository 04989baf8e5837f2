import { closeCodes } from '../../protocol/codes.ts';
import { eventFrame } from '../delivery/frames.ts';
import type { Hub } from '../delivery/hub.ts';
import { RequestError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Gate } from '../store/gate.ts';
import * as store from '../store/people.ts';
import type { Handler } from './handler.ts';

export interface DeviceDeps {
  readonly gate: Gate;
  readonly hub: Pick<Hub, 'state' | 'end'>;
  readonly limits: Pick<Limits, 'take'>;
  /** Throws unless an account that has a key signed the revocation with it. */
  readonly checkRevocation: (userId: string, deviceId: string, signature: string | undefined) => Promise<void>;
}

export function deviceHandlers({ gate, hub, limits, checkRevocation }: DeviceDeps) {
  const list: Handler<'device.list'> = async (_body, { connection }) => {
    await limits.take('lookup', connection.userId);
    const devices = await store.listDevices(gate, connection.userId);
    return {
      devices: devices.map(({ id, name, createdAt, lastSeenAt }) => ({
        deviceId: id,
        name,
        current: id === connection.deviceId,
        createdAt: createdAt.toISOString(),
        ...lastSeen(id === connection.deviceId ? new Date() : lastSeenAt),
      })),
    };
  };

  const revoke: Handler<'device.revoke'> = async ({ deviceId, signature }, { connection, log }) => {
    const { userId } = connection;
    await checkRevocation(userId, deviceId, signature);
    const revoked = await store.revokeDevice(gate, connection, deviceId);
    if (typeof revoked === 'string') throw new RequestError(revoked);
    log.info({ userId, revoked: deviceId }, 'a device was revoked');
    // After the reply: the device may be the one that asks.
    setImmediate(() => hub.end(userId, revoked.sessionIds, closeCodes.device_revoked, 'revoked'));
    hub.state(
      revoked.contacts,
      `devices:${userId}`,
      eventFrame('device.changed', { userId, version: revoked.version }),
    );
    return {};
  };

  return { 'device.list': list, 'device.revoke': revoke };
}

const lastSeen = (at: Date | null) => (at === null ? {} : { lastSeenAt: at.toISOString() });
