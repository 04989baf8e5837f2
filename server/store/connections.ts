import { heads, helloDevices, position, positions, touchDevices } from '../../sql/queries/connections.queries.ts';
import { listOf } from './arrays.ts';
import type { Gate } from './gate.ts';
import { byQuestion, joined } from './joined.ts';
import type { ConnectionStore, HelloState, Identity } from './store.ts';

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
  const users = (asks: readonly Identity[]): string => listOf(asks.map(({ userId }) => userId));
  const devices = (asks: readonly Identity[]): string => listOf(asks.map(({ deviceId }) => deviceId));
  return {
    hello: joined(
      async (asks: readonly Identity[]) => {
        const sessionIds = listOf(asks.map(({ sessionId }) => sessionId));
        const rows = await gate.run('read', (sql) =>
          helloDevices.run({ sessionIds, deviceIds: devices(asks), userIds: users(asks) }, sql),
        );
        return byQuestion(rows, asks.length).map(([row]) => ({
          state: row !== undefined && isState(row.state) ? row.state : 'unknown',
          connectionNo: row?.connectionNo ?? 0,
          lastSeenAt: row?.lastSeenAt ?? undefined,
        }));
      },
      // Two connections of one device need two numbers.
      ({ deviceId }) => deviceId,
    ),
    positions: joined(async (asks: readonly Identity[]) => {
      const rows = await gate.run('read', (sql) =>
        positions.run({ userIds: users(asks), deviceIds: devices(asks) }, sql),
      );
      return byQuestion(rows, asks.length).map((found) =>
        found.map(({ conversationId, lastSeq, cursor }) => ({ conversationId, lastSeq, cursor })),
      );
    }),
    async position({ userId, deviceId }, conversationId) {
      const [row] = await gate.run('read', (sql) => position.run({ userId, deviceId, conversationId }, sql));
      return row;
    },
    heads: (userIds) => gate.run('background', (sql) => heads.run({ userIds: listOf(userIds) }, sql)),
    seen: joined(async (deviceIds: readonly string[]) => {
      const ids = listOf(deviceIds);
      await gate.run('background', (sql) => touchDevices.run({ deviceIds: ids, heard: ids }, sql));
      return deviceIds.map(() => undefined);
    }),
    touch: (deviceIds, heard) =>
      gate.run('background', (sql) => touchDevices.run({ deviceIds: listOf(deviceIds), heard: listOf(heard) }, sql)),
  };
}
