import type { ConnectionStore } from '../store.ts';
import type { ModelState } from './state.ts';

export function modelConnections({ now, sessions, devices, of }: ModelState): ConnectionStore {
  const connections: ConnectionStore = {
    async hello({ userId, deviceId, sessionId }) {
      const session = sessions.get(sessionId);
      const device = devices.get(deviceId);
      if (session?.deviceId !== deviceId || session.userId !== userId || device === undefined) {
        return { state: 'unknown', connectionNo: 0, lastSeenAt: undefined };
      }
      const lastSeenAt = device.lastSeenAt === undefined ? undefined : new Date(device.lastSeenAt);
      if (session.ended !== undefined) return { state: session.ended, connectionNo: 0, lastSeenAt };
      device.connectionNo++;
      return { state: 'valid', connectionNo: device.connectionNo, lastSeenAt };
    },
    async positions({ userId, deviceId }) {
      return of(userId).map(({ id, log: entries, cursors, members }) => {
        const joined = members.get(userId)?.joinedSeq ?? 0;
        return {
          conversationId: id,
          lastSeq: entries.length,
          cursor: Math.max(cursors.get(deviceId) ?? joined, joined),
        };
      });
    },
    position: async (identity, conversationId) =>
      (await connections.positions(identity)).find((position) => position.conversationId === conversationId),
    async heads(userIds) {
      return userIds.flatMap((userId) =>
        of(userId)
          .filter((conversation) => conversation.log.length > 0)
          .map(({ id, log: entries }) => ({ userId, conversationId: id, lastSeq: entries.length })),
      );
    },
    async touch(deviceIds, heard) {
      for (const id of heard) await connections.seen(id);
      return deviceIds.flatMap((id) => {
        const device = devices.get(id);
        return device === undefined ? [] : [{ id, connectionNo: device.connectionNo }];
      });
    },
    async seen(deviceId) {
      const device = devices.get(deviceId);
      if (device !== undefined) device.lastSeenAt = now();
    },
  };
  return connections;
}
