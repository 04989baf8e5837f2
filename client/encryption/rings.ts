import type * as v from 'valibot';
import type { conversationSettings } from '../e2ee/content.ts';
import type { ConversationKey } from '../e2ee/conversation-keys.ts';
import { acceptable, addKeys, currentKey, type KeyRing } from '../e2ee/key-ring.ts';
import { readOne } from '../records.ts';
import type { Change } from '../store.ts';
import type { CodecHost } from './host.ts';
import { keys, put, ringsRecord } from './records.ts';

export type ConversationSettings = v.InferOutput<typeof conversationSettings>;

/** The keys of this person's past, for another device or a recovery. */
export interface OwnKeys {
  /** What is in use comes first, then the newest: where room is short, the end is left out. */
  allConversationKeys(): Promise<ConversationKey[]>;
  adoptConversationKeys(keys: readonly ConversationKey[]): Promise<void>;
}

export type RingKind = 'history' | 'search';

/** What this device knows of a conversation's keys and settings. A value: a step makes the next one. */
export interface Rings {
  readonly history: KeyRing;
  readonly search: KeyRing;
  readonly settings: ConversationSettings | undefined;
  readonly rotate: Readonly<Record<RingKind, number>>;
  readonly people: readonly { readonly userId: string; readonly since: number; readonly at: number }[];
}

export const defaultSettings: ConversationSettings = { history: 'on', searchOnServer: false, expireAfterMs: null };

const none: Rings = {
  history: [],
  search: [],
  settings: undefined,
  rotate: { history: 0, search: 0 },
  people: [],
};

/** The key rings and settings of all conversations, in memory as they are in the store. `next` is called in the conversation's turn. */
export class KeyRings {
  readonly #host: CodecHost;
  readonly #known = new Map<string, Rings>();

  /** Called after each change. */
  readonly #changed: () => void;

  constructor(host: CodecHost, changed: () => void) {
    this.#host = host;
    this.#changed = changed;
  }

  async get(conversationId: string): Promise<Rings> {
    const known = this.#known.get(conversationId);
    if (known !== undefined) return known;
    const kept = await readOne(this.#host.store, ringsRecord, keys.rings(conversationId));
    // Whoever came first wins: keys are values that others may hold by now.
    const first = this.#known.get(conversationId);
    if (first !== undefined) return first;
    const rings = kept === undefined ? none : { ...kept, settings: kept.settings };
    this.#known.set(conversationId, rings);
    return rings;
  }

  /** Remembers the next value and returns the changes that keep it; the caller stores them before the turn ends. */
  next(conversationId: string, rings: Rings): Change[] {
    this.#known.set(conversationId, rings);
    this.#changed();
    const { settings, ...rest } = rings;
    return [put(keys.rings(conversationId), settings === undefined ? rest : { ...rest, settings })];
  }

  /** Every key of every conversation for another device of this person or a recovery: what is in use first, then the newest. */
  async all(): Promise<ConversationKey[]> {
    const found: (ConversationKey & { readonly current: boolean; readonly at: number })[] = [];
    for (const { key } of await this.#host.store.list({ prefix: keys.allRings })) {
      const conversationId = key.slice(keys.allRings.length);
      const rings = await this.get(conversationId);
      for (const kind of ['history', 'search'] as const) {
        const current = currentKey(rings[kind])?.v;
        for (const { v: version, key: secret } of rings[kind]) {
          // Of two keys of one version the earlier one stays the first.
          const at = Math.max(...rings[kind].filter((other) => other.v === version).map((other) => other.at));
          found.push({ conversationId, kind, v: version, key: secret, current: version === current, at });
        }
      }
    }
    found.sort((a, b) => Number(b.current) - Number(a.current) || b.at - a.at || b.v - a.v);
    return found.map(({ current, at, ...key }) => key);
  }

  /** Takes over keys that another device of this person gave. Resolves with the conversations of which some were new. */
  async adopt(given: readonly ConversationKey[]): Promise<string[]> {
    const changed: string[] = [];
    for (const conversationId of new Set(given.map((key) => key.conversationId))) {
      const adopted = await this.#host.turns.run(conversationId, async () => {
        const before = await this.get(conversationId);
        const of = (kind: RingKind) => {
          const mine = given.filter((key) => key.conversationId === conversationId && key.kind === kind);
          // The newest come first, and say how high the numbers are.
          return addKeys(before[kind], acceptable(before[kind], mine), 0);
        };
        const [history, search] = [of('history'), of('search')];
        if (history === before.history && search === before.search) return false;
        await this.#host.write(this.next(conversationId, { ...before, history, search }));
        return true;
      });
      if (adopted) changed.push(conversationId);
    }
    return changed;
  }
}
