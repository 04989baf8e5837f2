import * as v from 'valibot';
import { uuid } from '../protocol/scalars.ts';
import { type Content, content as contentSchema } from './codec.ts';
import { SottoError } from './errors.ts';
import { isChange, refOf } from './life.ts';
import { type Entry, entry as entrySchema, keys, readOne } from './records.ts';
import type { SteadyWrite } from './steady.ts';
import type { ClientStore } from './store.ts';
import { takeAway } from './taking-in.ts';
import type { Turns } from './turns.ts';

export interface SendOptions {
  /** Nobody is notified. */
  readonly silent?: boolean;
  /** A UUID, which makes a repeated call of `send` the same message. */
  readonly clientId?: string;
}

export const sending = v.object({
  conversationId: uuid,
  content: contentSchema,
  silent: v.optional(v.boolean()),
  clientId: v.optional(uuid),
});

export interface MessageCallsOptions {
  readonly store: ClientStore;
  readonly write: SteadyWrite;
  readonly turns: Turns;
  me(): { readonly userId: string };
  send(conversationId: string, content: Content): Promise<string>;
  onChanged(entry: Entry): void;
}

/** What is done to a message that is in the log. All reject with `not_found` for one that this device does not hold. */
export function messageCalls({ store, write, turns, me, send, onChanged }: MessageCallsOptions) {
  async function held(conversationId: string, seq: number): Promise<Entry> {
    const entry = await readOne(store, entrySchema, keys.entry(conversationId, seq));
    if (entry === undefined || entry.hidden || isChange(entry.content))
      throw new SottoError('not_found', 'This device holds no such message.');
    return entry;
  }

  async function target(conversationId: string, seq: number, own: 'own' | 'any') {
    const entry = await held(conversationId, seq);
    if (own === 'own' && entry.senderId !== me().userId)
      throw new SottoError('forbidden', 'Only its author can change or delete a message.');
    if (entry.deleted === true) throw new SottoError('not_found', 'The message is deleted.');
    return { target: refOf(entry) };
  }

  return {
    /** Gives a text of one's own another wording. Resolves like `send`; rejects with `forbidden` for another's message. */
    edit: async (conversationId: string, seq: number, text: string): Promise<string> =>
      send(conversationId, { type: 'edit', ...(await target(conversationId, seq, 'own')), text }),
    /** Adds a reaction, for everyone to see. Resolves like `send`; rejects with `not_found` where the message is deleted. */
    react: async (conversationId: string, seq: number, emoji: string): Promise<string> =>
      send(conversationId, { type: 'reaction', ...(await target(conversationId, seq, 'any')), emoji, on: true }),
    /** Takes a reaction of one's own back. Resolves and rejects like `react`. */
    unreact: async (conversationId: string, seq: number, emoji: string): Promise<string> =>
      send(conversationId, { type: 'reaction', ...(await target(conversationId, seq, 'any')), emoji, on: false }),
    /**
     * Takes a message of one's own away from all devices of all members, and its ciphertext off the server. Both are
     * tried until they are done, also by the next run of the program. Rejects with `forbidden` for another's message.
     */
    deleteForEveryone: async (conversationId: string, seq: number): Promise<string> =>
      send(conversationId, { type: 'delete', ...(await target(conversationId, seq, 'own')) }),
    /** Takes a message away from this device only. It does not come back when the past is read again. */
    async deleteForMe(conversationId: string, seq: number): Promise<void> {
      const gone = await turns.run(conversationId, async () => {
        const { entry, changes } = await takeAway(store, await held(conversationId, seq), 'removed');
        await write(changes);
        return entry;
      });
      onChanged(gone);
    },
  };
}
