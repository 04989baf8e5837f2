import { presenceAudience, setPresenceVisible, visibleAmong } from '../../sql/queries/presence.queries.ts';
import { listOf } from './arrays.ts';
import type { Gate } from './gate.ts';
import type { Identity } from './store.ts';

/** How many of a user's conversations count, the most recent first: the others are told nothing. */
const MAX_CONVERSATIONS = 500;

export interface PresenceStore {
  /** False if the session has ended. */
  setVisible(identity: Identity, visible: boolean): Promise<boolean>;
  /** Those who let others see them. */
  visibleAmong(userIds: readonly string[]): Promise<string[]>;
  /** For each user, who may see them. Seeing is mutual, so this is also whom they may see. */
  audience(userIds: readonly string[]): Promise<Map<string, string[]>>;
}

export function createPresenceStore(gate: Gate): PresenceStore {
  return {
    async setVisible({ sessionId }, visible) {
      return (await gate.run('read', (sql) => setPresenceVisible.run({ sessionId, visible }, sql))).length > 0;
    },
    async visibleAmong(userIds) {
      const rows = await gate.run('background', (sql) => visibleAmong.run({ userIds: listOf(userIds) }, sql));
      return rows.map((row) => row.id);
    },
    async audience(userIds) {
      const rows = await gate.run('background', (sql) =>
        presenceAudience.run({ userIds: listOf(userIds), conversations: MAX_CONVERSATIONS }, sql),
      );
      const audience = new Map<string, string[]>();
      for (const { userId, viewerId } of rows) {
        if (userId === null || viewerId === null) continue;
        const viewers = audience.get(userId);
        if (viewers === undefined) audience.set(userId, [viewerId]);
        else viewers.push(viewerId);
      }
      return audience;
    },
  };
}
