import * as v from 'valibot';
import type { Conversation, Reply, RequestInput } from '../protocol/index.ts';
import type { Agreement, MessageCodec } from './codec.ts';
import { SottoError } from './errors.ts';
import { keys, readOne } from './records.ts';
import type { ClientStore } from './store.ts';

/** What this device told the members, until the server has been told too. */
const wish = v.object({ searchOnServer: v.optional(v.boolean()), expireAfterMs: v.optional(v.nullable(v.number())) });
type Wish = v.InferOutput<typeof wish>;

export interface AgreementsOptions {
  readonly store: ClientStore;
  readonly codec: MessageCodec;
  conversations(): readonly Conversation[];
  conversation(id: string): Conversation | undefined;
  connected(): boolean;
  update(body: RequestInput<'conversation.update'>): Promise<Reply<'conversation.update'>>;
  onProblem(problem: unknown): void;
}

const asTold = ({ searchOnServer, expireAfterMs }: Agreement): Agreement => ({ searchOnServer, expireAfterMs });

/**
 * What a conversation's members agreed on, by their own word, and the server told by the device
 * whose wish it was, as soon as that is in the log. A codec without a word of its own leaves it to the server.
 */
export class Agreements {
  readonly #options: AgreementsOptions;

  constructor(options: AgreementsOptions) {
    this.#options = options;
  }

  /** Undefined while this device was not told. */
  async of(conversationId: string): Promise<Agreement | undefined> {
    const { codec, conversation } = this.#options;
    if (codec.settings !== undefined) return codec.settings(conversationId);
    const known = conversation(conversationId);
    return known && asTold(known);
  }

  async change(conversationId: string, wanted: Partial<Agreement>): Promise<void> {
    const { codec, store, update } = this.#options;
    if (codec.setSettings === undefined) {
      await update({ conversationId, ...wanted });
      return;
    }
    const before = await readOne(store, wish, keys.wish(conversationId));
    await store.write([{ key: keys.wish(conversationId), value: { ...before, ...wanted } }]);
    await codec.setSettings(conversationId, wanted);
  }

  /** True if the members want it and the server allows it. */
  async searches(conversationId: string): Promise<boolean> {
    if (this.#options.conversation(conversationId)?.searchOnServer !== true) return false;
    return (await this.of(conversationId))?.searchOnServer === true;
  }

  /** The session is ready: something may have been agreed on that the server was not told. */
  connected(): void {
    for (const { id } of this.#options.conversations()) this.keepUp(id);
  }

  /** A word of this device, however it was given, is the server's to know; words of others are for theirs to tell. */
  agreed(conversationId: string, isOwn: boolean): void {
    if (!isOwn) return;
    const { store, onProblem } = this.#options;
    const note = async () => {
      const before = await readOne(store, wish, keys.wish(conversationId));
      if (before === undefined) await store.write([{ key: keys.wish(conversationId), value: {} }]);
    };
    note().then(() => this.keepUp(conversationId), onProblem);
  }

  keepUp(conversationId: string): void {
    this.#keepUp(conversationId).catch((error: unknown) => {
      // Said again with the next session.
      if (!(error instanceof SottoError && error.retry === 'same')) this.#options.onProblem(error);
    });
  }

  async #keepUp(conversationId: string): Promise<void> {
    const { codec, connected, conversation, store, update } = this.#options;
    const wanted = await readOne(store, wish, keys.wish(conversationId));
    if (wanted === undefined || codec.settings === undefined) return;
    for (let told: Agreement | undefined; connected(); ) {
      const here = await codec.settings(conversationId);
      // Not in the log yet, or somebody else has had another word since.
      if (here === undefined || (told === undefined && !fits(here, wanted))) return;
      const there = told ?? conversation(conversationId);
      if (there !== undefined && isEqual(here, there)) {
        await store.write([{ key: keys.wish(conversationId) }]);
        return;
      }
      told = { searchOnServer: here.searchOnServer, expireAfterMs: here.expireAfterMs };
      await update({ conversationId, ...told });
    }
  }
}

const isEqual = (a: Agreement, b: Agreement): boolean =>
  a.searchOnServer === b.searchOnServer && a.expireAfterMs === b.expireAfterMs;

const fits = (here: Agreement, { searchOnServer, expireAfterMs }: Wish): boolean =>
  (searchOnServer === undefined || searchOnServer === here.searchOnServer) &&
  (expireAfterMs === undefined || expireAfterMs === here.expireAfterMs);

/** What applications say about how a conversation is kept. */
export const agreementCalls = (agreements: Agreements, expire: () => void) => ({
  /**
   * Lets the messages of a conversation disappear everywhere this long (at least a minute) after they were sent; null:
   * never again. Resolves when the wish is kept; it holds for every member as soon as it is in the log.
   */
  async setExpiry(conversationId: string, expireAfterMs: number | null): Promise<void> {
    await agreements.change(conversationId, { expireAfterMs });
    expire();
  },
  /** Lets the server keep blind tags of a conversation's words and search by them; what it learns is in SECURITY.md. */
  setSearchOnServer: (conversationId: string, searchOnServer: boolean) =>
    agreements.change(conversationId, { searchOnServer }),
});
