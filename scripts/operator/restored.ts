import type { Gate } from '../../server/store/gate.ts';

export interface Renewal {
  readonly before: string;
  readonly after: string;
}

/**
 * Gives the log a new id. A restored copy of the files can't be told from what it was copied from, so the server gives one by
 * itself only where the database's own identity has changed (`refresh_log_id`). Servers that run look every second.
 */
export function renewLogId(gate: Gate): Promise<Renewal> {
  return gate.transaction('read', async (tx) => {
    const [old] = await tx<{ logId: string }[]>`select log_id from instance for update`;
    if (old === undefined) throw new Error('No server has used this database yet, so no client knows it.');
    const [row] = await tx<{ logId: string }[]>`update instance set log_id = gen_random_uuid() returning log_id`;
    if (row === undefined) throw new Error('The log id could not be changed.');
    return { before: old.logId, after: row.logId };
  });
}
