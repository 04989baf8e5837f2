import type { Clock } from '../clock.ts';
import { StoreUnavailable } from '../store/errors.ts';
import type { ConversationStore } from '../store/store.ts';
import { eventFrame } from './frames.ts';
import type { Hub } from './hub.ts';

const MAX_AT_ONCE = 200;
/** Beyond this, clients meet the conversation with its first entry, and ask for it. */
const MAX_WAITING = 10_000;
/** While the database is away: how long until it is asked again, and how often. */
const PAUSE_MS = 1_000;
const MAX_TRIES = 60;

/**
 * Shows conversations that got their first entry to all of their members: those that began together in one query, one
 * query at a time.
 */
export function createAnnouncer(options: {
  store: Pick<ConversationStore, 'forAll'>;
  hub: Pick<Hub, 'state'>;
  clock: Clock;
  failed: (error: unknown) => void;
}): (conversationId: string) => void {
  const { store, hub, clock, failed } = options;
  const waiting = new Set<string>();
  let running = false;
  let tries = 0;

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      const ids = [...waiting].slice(0, MAX_AT_ONCE);
      for (const id of ids) waiting.delete(id);
      for (const { viewerId, conversation } of await conversationsOf(ids)) {
        hub.state([viewerId], `conversation:${conversation.id}`, eventFrame('conversation.changed', { conversation }));
      }
    }
  }

  async function conversationsOf(ids: readonly string[]): ReturnType<ConversationStore['forAll']> {
    try {
      const found = await store.forAll(ids);
      tries = 0;
      return found;
    } catch (error) {
      tries = error instanceof StoreUnavailable ? tries + 1 : MAX_TRIES;
      // Nobody else asks for them. If there is no end to it, clients meet them with an entry or at their next hello.
      if (tries < MAX_TRIES) for (const id of ids) waiting.add(id);
      else tries = 0;
      throw error;
    }
  }

  function start(): void {
    run()
      .catch((error: unknown) => {
        failed(error);
        return new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve));
      })
      .finally(() => {
        running = false;
        begin();
      });
  }

  function begin(): void {
    if (running || waiting.size === 0) return;
    running = true;
    clock.soon(start);
  }

  return (conversationId) => {
    if (waiting.size >= MAX_WAITING) return;
    waiting.add(conversationId);
    begin();
  };
}
