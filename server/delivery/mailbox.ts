import { type Clock, repeat } from '../clock.ts';
import { FEW_PACKAGES, type MailboxStore, type WaitingWelcome } from '../store/mailbox.ts';
import { eventFrame } from './frames.ts';
import type { Connection, Hub } from './hub.ts';

/** Welcomes that a connection has not acknowledged, and their bytes: the rest waits in the database. */
const WINDOW = 16;
const WINDOW_BYTES = 1024 * 1024;
const PER_QUERY = 500;
const CHECK_MS = 40_000;
const CLEAN_MS = 3_600_000;

/** What one connection was given. */
interface Box {
  readonly welcomes: Map<string, number>;
  readonly links: Set<string>;
  /** Welcomes whose acknowledgement is being stored. */
  readonly leaving: Set<string>;
  bytes: number;
  /** `again`: something came while the database was being read. */
  state: 'idle' | 'reading' | 'again';
}

export type Mailbox = ReturnType<typeof startMailbox>;

/**
 * What waits for a single device besides the logs: welcomes until it acknowledges them, answers to its offer to be
 * linked, and the word that it has few key packages left. Looked for at hello, when somebody says so, and now and then,
 * since that word can be lost.
 */
export function startMailbox(deps: { store: MailboxStore; hub: Hub; clock: Clock; failed: (error: unknown) => void }) {
  const { store, hub, clock, failed } = deps;
  const boxes = new WeakMap<Connection, Box>();

  function look(connection: Connection): void {
    let box = boxes.get(connection);
    if (box === undefined) {
      box = { welcomes: new Map(), links: new Set(), leaving: new Set(), bytes: 0, state: 'idle' };
      boxes.set(connection, box);
    }
    if (box.state !== 'idle') {
      box.state = 'again';
      return;
    }
    void readAll(connection, box);
  }

  async function readAll(connection: Connection, box: Box): Promise<void> {
    try {
      do {
        box.state = 'reading';
        await read(connection, box);
      } while (againFor(box));
    } catch (error) {
      failed(error);
    }
    box.state = 'idle';
    // Most devices have nothing waiting: no memory is kept for them.
    if (box.welcomes.size === 0 && box.links.size === 0) boxes.delete(connection);
  }

  async function read(connection: Connection, box: Box): Promise<void> {
    const { outbox, deviceId } = connection;
    const { registered, oneTime, welcomes, links } = await store.waiting(deviceId);
    if (registered && oneTime < FEW_PACKAGES) outbox.state('keys.low', eventFrame('keys.low', { oneTime }));
    if (links) {
      for (const { id, sealed } of await store.sealedLinks(deviceId)) {
        if (box.links.has(id)) continue;
        box.links.add(id);
        outbox.state(`link:${id}`, eventFrame('link.sealed', { linkId: id, sealed: sealed.toString('base64url') }));
      }
    }
    if (welcomes) await pushWelcomes(connection, box);
  }

  /** One at a time, since each may be large. */
  async function pushWelcomes({ outbox, deviceId }: Connection, box: Box): Promise<void> {
    while (box.welcomes.size < WINDOW && box.bytes < WINDOW_BYTES) {
      const [found] = await store.welcomes(deviceId, box.welcomes.keys(), 1);
      if (found === undefined) return;
      box.welcomes.set(found.id, found.welcome.length);
      box.bytes += found.welcome.length;
      outbox.state(`welcome:${found.id}`, welcomeFrame(found));
    }
  }

  /** Only of what this connection was given, and once at a time: anything else would be a query for the asking. */
  async function acknowledge(connection: Connection, id: string): Promise<void> {
    const box = boxes.get(connection);
    const bytes = box?.welcomes.get(id);
    if (box === undefined || bytes === undefined || box.leaving.has(id)) return;
    box.leaving.add(id);
    try {
      await store.acknowledge(connection.deviceId, id);
    } finally {
      box.leaving.delete(id);
    }
    const full = box.welcomes.size >= WINDOW || box.bytes >= WINDOW_BYTES;
    box.welcomes.delete(id);
    box.bytes -= bytes;
    if (full) look(connection);
  }

  async function check(): Promise<void> {
    const connections = [...hub.connections()];
    for (let i = 0; i < connections.length; i += PER_QUERY) {
      const some = connections.slice(i, i + PER_QUERY);
      const found = new Set(await store.devicesWithMail(some.map(({ deviceId }) => deviceId)));
      for (const connection of some) if (found.has(connection.deviceId)) look(connection);
    }
  }

  hub.onWake = look;
  const timers = [repeat(clock, CHECK_MS, check, failed), repeat(clock, CLEAN_MS, () => store.clean(), failed)];
  return {
    look,
    check,
    acknowledge: (connection: Connection, id: string): void => void acknowledge(connection, id).catch(failed),
    stop(): void {
      for (const stop of timers) stop();
    },
  };
}

function welcomeFrame({ id, conversationId, seq, epoch, welcome }: WaitingWelcome): string {
  return eventFrame('welcome.new', { id, conversationId, seq, epoch, welcome: welcome.toString('base64url') });
}

/** Asked through a function, since it changes while the database is read. */
const againFor = (box: Box): boolean => box.state === 'again';
