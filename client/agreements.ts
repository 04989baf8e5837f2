import * as v from 'valibot';
import { type Conversation, type Reply, type RequestInput, requests } from '../protocol/index.ts';
import type { Agreement, MessageCodec } from './codec.ts';
import { reasonOf, SottoError } from './errors.ts';
import { keys, readOne } from './records.ts';
import { checked } from './requests.ts';
import type { Change, ClientStore } from './store.ts';

/** What this device told the members, until the server has been told too. */
const wish = v.object({ searchOnServer: v.optional(v.boolean()), expireAfterMs: v.optional(v.nullable(v.number())) });
export type Wish = v.InferOutput<typeof wish>;

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
    const { codec, conversation, store, update } = this.#options;
    const { conversationId: id, ...valid } = checked(requests['conversation.update'].body, {
      ...wanted,
      conversationId,
    });
    if (codec.setSettings === undefined) {
      await update({ conversationId: id, ...valid });
      return;
    }
    if (conversation(id) === undefined) throw new SottoError('not_found', 'this device knows no such conversation');
    const before = await readOne(store, wish, keys.wish(id));
    await store.write([{ key: keys.wish(id), value: { ...before, ...valid } }]);
    try {
      await codec.setSettings(id, wanted);
    } catch (error) {
      await this.#forget(id, valid);
      throw error;
    }
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
      const here = await this.of(conversationId);
      if (here === undefined) return;
      const before = await readOne(store, wish, keys.wish(conversationId));
      await store.write([{ key: keys.wish(conversationId), value: { ...before, ...asTold(here) } }]);
    };
    note().then(() => this.keepUp(conversationId), onProblem);
  }

  /** The members were not told, and will not be: whoever wanted it learns that. */
  disagreed(conversationId: string, wanted: Wish, reason: unknown): void {
    const { onProblem } = this.#options;
    const code = reason instanceof SottoError && reason.retry !== 'same' ? reason.code : 'bad_request';
    onProblem(
      new SottoError(code, `a change of how a conversation is kept was refused: ${reasonOf(reason)}`, {
        details: { conversationId, ...wanted },
        cause: reason,
      }),
    );
    this.#forget(conversationId, wanted).catch(onProblem);
  }

  async #forget(conversationId: string, wanted: Wish): Promise<void> {
    const { store } = this.#options;
    const before = await readOne(store, wish, keys.wish(conversationId));
    if (before !== undefined) await store.write([putWish(conversationId, before, (field) => field in wanted)]);
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
    const first = await codec.settings(conversationId);
    // The others are not in the log yet, or somebody else has had another word since: they hold up none of these.
    const own = fields.filter((field) => first !== undefined && wanted[field] === first[field]);
    for (let told: Agreement | undefined; connected() && own.length > 0; ) {
      const here = await codec.settings(conversationId);
      if (here === undefined) return;
      const there = told ?? conversation(conversationId);
      if (there !== undefined && own.every((field) => here[field] === there[field])) {
        await store.write([putWish(conversationId, wanted, (field) => own.includes(field))]);
        return;
      }
      told = asTold(here);
      await update({ conversationId, ...told });
    }
  }
}

const fields = ['searchOnServer', 'expireAfterMs'] as const;

/** What is left of a wish without some of its fields. */
function putWish(conversationId: string, before: Wish, isGone: (field: keyof Agreement) => boolean): Change {
  const left = fields.filter((field) => before[field] !== undefined && !isGone(field));
  const key = keys.wish(conversationId);
  return left.length === 0 ? { key } : { key, value: Object.fromEntries(left.map((field) => [field, before[field]])) };
}

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
