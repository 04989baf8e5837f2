import { heads, helloDevice, position, positions, touchDevices } from '../../sql/queries/connections.queries.ts';
import type { Gate } from './gate.ts';
import type { ConnectionStore, HelloState } from './store.ts';

const states: readonly string[] = [
  'valid',
  'suspended',
  'logged_out',
  'revoked',
  'password_changed',
  'token_reuse',
  'deleted',
] satisfies HelloState[];
const isState = (state: string): state is HelloState => states.includes(state);

export function createConnectionStore(gate: Gate): ConnectionStore {
  return {
    async hello({ userId, deviceId, sessionId }) {
      const [row] = await gate.run('read', (sql) => helloDevice.run({ userId, deviceId, sessionId }, sql));
      if (row === undefined) return { state: 'unknown', connectionNo: 0, lastSeenAt: undefined };
      const state = isState(row.state) ? row.state : 'unknown';
      return { state, connectionNo: row.connectionNo ?? 0, lastSeenAt: row.lastSeenAt ?? undefined };
    },
    positions: ({ userId, deviceId }) => gate.run('read', (sql) => positions.run({ userId, deviceId }, sql)),
    async position({ userId, deviceId }, conversationId) {
      const [row] = await gate.run('read', (sql) => position.run({ userId, deviceId, conversationId }, sql));
      return row;
    },
    heads: (userIds) => gate.run('background', (sql) => heads.run({ userIds: `{${userIds.join()}}` }, sql)),
    touch: (deviceIds) =>
      gate.run('background', (sql) => touchDevices.run({ deviceIds: `{${deviceIds.join()}}` }, sql)),
  };
}
