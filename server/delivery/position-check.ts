import { closeCodes } from '../../protocol/codes.ts';
import type { Clock } from '../clock.ts';
import type { ConnectionStore, ConversationStore } from '../store/store.ts';
import { eventFrame } from './frames.ts';
import { type Connection, type Hub, isHere, newerIs } from './hub.ts';

const PER_QUERY = 500;
const EVERY_MS = 40_000;
const EVERY_MS_IN_DOUBT = 5_000;
/** Conversations that somebody is told again after a break; with more of them the connections start over. */
const MAX_CHANGES = 200;
/** How much earlier than it was noticed a break may have begun, and how much clocks may differ. */
const MISSED_MARGIN_MS = 60_000;

/**
 * Compares what every connection was sent with the heads in PostgreSQL, since the bus may lose messages: every 40 s,
 * every 5 s while the bus is doubtful, at once when it says that something may have been missed. The same look finds
 * connections that a newer one of their device has displaced.
 *
 * States leave no gap by which a loss would show. So after a break of the bus everybody is told what changed since, and until
 * that is done no device counts as having heard everything: its next hello tells it.
 */
export function startPositionCheck(options: {
  hub: Hub;
  store: ConnectionStore;
  conversations: ConversationStore;
  clock: Clock;
  /** While the bus is well. */
  everyMs?: number;
  failed: (error: unknown) => void;
}): { check(): Promise<void>; stop(): void } {
  const { hub, store, conversations, clock, everyMs = EVERY_MS, failed } = options;
  let stopped = false;
  let last = clock.now();
  /** When the bus was last known to be well, and everybody to have been told. */
  let well = clock.now();
  let running: Promise<void> | undefined;
  let again = false;
  let asked = 0;
  let cancel = () => {};

  async function checkAll(): Promise<void> {
    const connections = [...hub.connections()];
    for (let i = 0; i < connections.length; i += PER_QUERY) await checkSome(connections.slice(i, i + PER_QUERY));
    await tellMissed();
    last = clock.now();
  }

  async function tellMissed(): Promise<void> {
    if (hub.missedSince === undefined || hub.doubtful) return;
    const since = new Date(hub.missedSince - MISSED_MARGIN_MS);
    const began = clock.now();
    const before = asked;
    const users = [...connectionsByUser(hub.connections())];
    for (let i = 0; i < users.length; i += PER_QUERY)
      await Promise.all(users.slice(i, i + PER_QUERY).map(([userId, own]) => tell(userId, own, since)));
    // Another break may have begun meanwhile, or come and gone.
    if (hub.doubtful || asked !== before) return;
    hub.missedSince = undefined;
    well = began;
  }

  async function tell(userId: string, own: readonly Connection[], since: Date): Promise<void> {
    const ids = await conversations.changedSince(userId, since, MAX_CHANGES + 1);
    if (ids.length > MAX_CHANGES) {
      for (const connection of own) connection.close(closeCodes.draining, 'too much was missed');
      return;
    }
    if (ids.length === 0) return;
    for (const conversation of await conversations.byIds(userId, ids)) {
      const frame = eventFrame('conversation.changed', { conversation });
      for (const { outbox } of own) outbox.state(`conversation:${conversation.id}`, frame);
    }
  }

  async function checkSome(connections: readonly Connection[]): Promise<void> {
    const byUser = connectionsByUser(connections);
    for (const { userId, conversationId, lastSeq } of await store.heads([...byUser.keys()])) {
      for (const connection of byUser.get(userId) ?? []) connection.outbox.check(conversationId, lastSeq);
    }
    const ids = connections.map(({ deviceId }) => deviceId);
    const heard = connections
      .filter((one) => hub.missedSince === undefined && isHere(one))
      .map(({ deviceId }) => deviceId);
    const numbers = await store.touch(ids, heard);
    const newest = new Map(numbers.map(({ id, connectionNo }) => [id, connectionNo]));
    for (const connection of connections) newerIs(connection, newest.get(connection.deviceId) ?? 0);
  }

  /** Joins a check under way, which may have read too early, and then runs once more. */
  function check(): Promise<void> {
    if (hub.doubtful) hub.missed(well);
    again = true;
    asked++;
    running ??= repeat();
    return running;
  }

  async function repeat(): Promise<void> {
    try {
      do {
        again = false;
        await checkAll();
      } while (again && !stopped);
    } catch (error) {
      // What was to be found is still to be found: the next tick tries again.
      last = Number.NEGATIVE_INFINITY;
      failed(error);
    }
    // In the same turn as the last look at `again`, so that no call falls between the two.
    running = undefined;
  }

  function tick(): void {
    if (stopped) return;
    cancel = clock.after(1_000, tick);
    if (hub.doubtful) hub.missed(well);
    else if (hub.missedSince === undefined) well = clock.now();
    if (clock.now() - last >= (hub.doubtful ? Math.min(EVERY_MS_IN_DOUBT, everyMs) : everyMs)) void check();
  }

  hub.onDoubt = () => void check();
  tick();
  return {
    check,
    stop() {
      stopped = true;
      cancel();
    },
  };
}

function connectionsByUser(connections: Iterable<Connection>): Map<string, Connection[]> {
  const byUser = new Map<string, Connection[]>();
  for (const connection of connections) {
    const own = byUser.get(connection.userId);
    if (own === undefined) byUser.set(connection.userId, [connection]);
    else own.push(connection);
  }
  return byUser;
}
