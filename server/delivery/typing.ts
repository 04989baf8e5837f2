import type { Clock } from '../clock.ts';
import type { ConversationStore } from '../store/store.ts';
import { eventFrame } from './frames.ts';
import type { Connection, Hub } from './hub.ts';

/** A client says it again while its user goes on writing; whoever fell silent is forgotten after this. */
const TYPING_MS = 6_000;
/** How long an answer to "who may see it" is used again. */
const AUDIENCE_MS = 5_000;
const MAX_REMEMBERED = 20_000;
/** How often somebody's typing is passed on in that time; each goes to every device of the others. */
const MAX_TOLD = 10;

export interface Typing {
  set(connection: Connection, conversationId: string, typing: boolean): void;
}

interface Audience {
  readonly userIds: Promise<readonly string[]>;
  readonly until: number;
  told: number;
}

/** Typing is never stored: the list goes to whoever may see it, carries its own expiry, and may be lost. */
export function createTyping(options: {
  store: ConversationStore;
  hub: Hub;
  clock: Clock;
  failed: (error: unknown) => void;
}): Typing {
  const { store, hub, clock, failed } = options;
  const audiences = new Map<string, Audience>();
  /** Who writes where, until when. */
  const writers = new Map<string, Map<string, number>>();

  function audienceOf(conversationId: string, userId: string): Audience {
    const key = conversationId + userId;
    const known = audiences.get(key);
    if (known !== undefined && known.until > clock.now()) return known;
    audiences.delete(key);
    if (audiences.size >= MAX_REMEMBERED)
      for (const oldest of audiences.keys()) {
        audiences.delete(oldest);
        break;
      }
    const userIds = store.audience(conversationId, userId);
    const audience = { userIds, until: clock.now() + AUDIENCE_MS, told: 0 };
    audiences.set(key, audience);
    userIds.catch(() => audiences.delete(key));
    return audience;
  }

  function note(conversationId: string, userId: string, typing: boolean): void {
    const here = writers.get(conversationId) ?? new Map<string, number>();
    for (const [other, until] of here) if (until <= clock.now()) here.delete(other);
    if (typing) here.set(userId, clock.now() + TYPING_MS);
    else here.delete(userId);
    if (here.size === 0) writers.delete(conversationId);
    else writers.set(conversationId, here);
    if (writers.size > MAX_REMEMBERED)
      for (const oldest of writers.keys()) {
        writers.delete(oldest);
        break;
      }
  }

  return {
    set(connection, conversationId, typing) {
      const { userId } = connection;
      const known = audienceOf(conversationId, userId);
      if (known.told >= MAX_TOLD) return;
      known.told++;
      known.userIds.then((audience) => {
        if (audience.length === 0) return;
        note(conversationId, userId, typing);
        const list = [...(writers.get(conversationId) ?? [])].map(([who, until]) => ({
          userId: who,
          forMs: until - clock.now(),
        }));
        for (const other of audience) {
          const frame = eventFrame('typing.changed', {
            conversationId,
            typing: list.filter((writer) => writer.userId !== other),
          });
          hub.ephemeral([other], `typing:${conversationId}`, frame);
        }
      }, failed);
    },
  };
}
