import type { Clock } from '../clock.ts';
import type { ConnectionStore } from '../store/store.ts';
import { type Connection, type Hub, isHere, newerIs } from './hub.ts';

const PER_QUERY = 500;
const EVERY_MS = 40_000;
const EVERY_MS_IN_DOUBT = 5_000;

/**
 * Compares what every connection was sent with the heads in PostgreSQL, since the bus may lose messages: every 40 s,
 * every 5 s while the bus is doubtful, at once when it says that something may have been missed. The same look finds
 * connections that a newer one of their device has displaced.
 */
export function startPositionCheck(options: {
  hub: Hub;
  store: ConnectionStore;
  clock: Clock;
  /** While the bus is well. */
  everyMs?: number;
  failed: (error: unknown) => void;
}): { check(): Promise<void>; stop(): void } {
  const { hub, store, clock, everyMs = EVERY_MS, failed } = options;
  let stopped = false;
  let last = clock.now();
  let running: Promise<void> | undefined;
  let again = false;
  let cancel = () => {};

  async function checkAll(): Promise<void> {
    const connections = [...hub.connections()];
    for (let i = 0; i < connections.length; i += PER_QUERY) await checkSome(connections.slice(i, i + PER_QUERY));
    last = clock.now();
  }

  async function checkSome(connections: readonly Connection[]): Promise<void> {
    const byUser = new Map<string, Connection[]>();
    for (const connection of connections) {
      const own = byUser.get(connection.userId);
      if (own === undefined) byUser.set(connection.userId, [connection]);
      else own.push(connection);
    }
    for (const { userId, conversationId, lastSeq } of await store.heads([...byUser.keys()])) {
      for (const connection of byUser.get(userId) ?? []) connection.outbox.check(conversationId, lastSeq);
    }
    const ids = connections.map(({ deviceId }) => deviceId);
    const heard = connections.filter(isHere).map(({ deviceId }) => deviceId);
    const numbers = await store.touch(ids, heard);
    const newest = new Map(numbers.map(({ id, connectionNo }) => [id, connectionNo]));
    for (const connection of connections) newerIs(connection, newest.get(connection.deviceId) ?? 0);
  }

  /** Joins a check under way, which may have read too early, and then runs once more. */
  function check(): Promise<void> {
    again = true;
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
