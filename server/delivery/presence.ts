import { LEASE_MS, type Leases } from '../bus/leases.ts';
import { type Clock, repeat } from '../clock.ts';
import { joined } from '../store/joined.ts';
import type { PresenceStore } from '../store/presence.ts';
import type { Identity } from '../store/store.ts';
import { eventFrame } from './frames.ts';
import type { Connection, Hub } from './hub.ts';

/** Who came is told this often at most, all together. */
const TICK_MS = 1_000;
const RENEW_EVERY_MS = LEASE_MS / 3;
/** Users in one query. */
const PER_QUERY = 500;

export interface Presence {
  /** Whether others may see when this user is online. False if the session has ended. */
  set(identity: Identity, visible: boolean): Promise<boolean>;
  /** Tells a connection, after its hello, who of those it may see is online. */
  welcome(connection: Connection, write: (frame: string) => void): void;
  stop(): void;
}

/**
 * Who is online, for those who share an accepted conversation and only if a user wants it. Nothing happens at hello or
 * close: who is connected is looked at once a second, so a storm of reconnects costs a query or two, and a lease
 * outlasts them.
 */
export function startPresence(options: {
  leases: Leases;
  store: PresenceStore;
  hub: Pick<Hub, 'connections' | 'state'>;
  clock: Clock;
  failed: (error: unknown) => void;
}): Presence {
  const { leases, store, hub, clock, failed } = options;
  /** Connected here when last looked. */
  let here: ReadonlySet<string> = new Set();
  let renewedAt = Number.NEGATIVE_INFINITY;

  async function look(): Promise<void> {
    const now = new Set<string>();
    for (const connection of hub.connections()) now.add(connection.userId);
    const due = clock.now() - renewedAt >= RENEW_EVERY_MS;
    const before = here;
    here = now;
    await come(due ? [...now] : [...now].filter((userId) => !before.has(userId)));
    if (due) renewedAt = clock.now();
    const gone = await leases.sweep();
    const seenAt = new Map(gone.map((one) => [one.userId, new Date(one.seenAt).toISOString()]));
    await tell([...seenAt.keys()], (userId) => ({ userId, online: false, lastSeenAt: seenAt.get(userId) ?? '' }));
  }

  async function come(userIds: readonly string[]): Promise<void> {
    for (let i = 0; i < userIds.length; i += PER_QUERY) {
      // Asked each time, since a user may have become invisible through another instance.
      const visible = await store.visibleAmong(userIds.slice(i, i + PER_QUERY));
      const came = visible.length === 0 ? [] : await leases.renew(visible);
      await tell(came, (userId) => ({ userId, online: true }));
    }
  }

  type Told = { userId: string; online: boolean; lastSeenAt?: string };

  async function tell(userIds: readonly string[], body: (userId: string) => Told): Promise<void> {
    if (userIds.length === 0) return;
    for (const [userId, viewers] of await store.audience(userIds)) {
      hub.state(viewers, keyOf(userId), eventFrame('presence.changed', body(userId)));
    }
  }

  function lookFailed(error: unknown): void {
    // Whoever came is looked at again, and renewing is due at once.
    here = new Set();
    renewedAt = Number.NEGATIVE_INFINITY;
    failed(error);
  }

  const onlineContacts = joined(async (userIds: readonly string[]) => {
    const contacts = await store.audience([...new Set(userIds)]);
    const online = new Set(await leases.online([...new Set([...contacts.values()].flat())]));
    return userIds.map((userId) => (contacts.get(userId) ?? []).filter((contact) => online.has(contact)));
  });

  async function welcome({ userId }: Connection, write: (frame: string) => void): Promise<void> {
    for (const contact of await onlineContacts(userId)) {
      write(eventFrame('presence.changed', { userId: contact, online: true }));
    }
  }

  return {
    async set(identity, visible) {
      if (!(await store.setVisible(identity, visible))) return false;
      // That it is stored is what counts; the leases follow within a tick or by running out.
      const { userId } = identity;
      const follow = visible ? come([userId]) : hide(userId);
      follow.catch(failed);
      return true;
    },
    welcome: (connection, write) => void welcome(connection, write).catch(failed),
    stop: repeat(clock, TICK_MS, look, lookFailed),
  };

  /** Others see no more than that the user isn't online. */
  async function hide(userId: string): Promise<void> {
    await leases.end(userId);
    await tell([userId], () => ({ userId, online: false }));
  }
}

const keyOf = (userId: string): string => `presence ${userId}`;
