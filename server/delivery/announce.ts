import type { Clock } from '../clock.ts';
import type { ConversationStore } from '../store/store.ts';
import { eventFrame } from './frames.ts';
import type { Hub } from './hub.ts';

const MAX_AT_ONCE = 200;
/** Beyond this, clients meet the conversation with its first entry, and ask for it. */
const MAX_WAITING = 10_000;

/**
 * Shows conversations that got their first entry to all of their members: those that began together in one query, one
 * query at a time.
 */
export function createAnnouncer(options: {
  store: ConversationStore;
  hub: Hub;
  clock: Clock;
  failed: (error: unknown) => void;
}): (conversationId: string) => void {
  const { store, hub, clock, failed } = options;
  const waiting = new Set<string>();
  let running = false;

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      const ids = [...waiting].slice(0, MAX_AT_ONCE);
      for (const id of ids) waiting.delete(id);
      for (const { viewerId, conversation } of await store.forAll(ids)) {
        hub.state([viewerId], `conversation:${conversation.id}`, eventFrame('conversation.changed', { conversation }));
      }
    }
  }

  return (conversationId) => {
    if (waiting.size >= MAX_WAITING) return;
    waiting.add(conversationId);
    if (running) return;
    running = true;
    clock.soon(() => {
      run()
        .catch(failed)
        .finally(() => {
          running = false;
        });
    });
  };
}
