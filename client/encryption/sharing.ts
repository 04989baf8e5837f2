import type { MessageEntry } from '../../protocol/index.ts';
import { delay } from '../clock.ts';
import type { Control } from '../e2ee/content.ts';
import { keysOfVersion, type RingKey } from '../e2ee/key-ring.ts';
import type { Change } from '../store.ts';
import { epochOf, type Group } from './groups.ts';
import type { Parts } from './parts.ts';
import { notYet } from './problem.ts';
import {
  dueKinds,
  keyInUse,
  mustRotate,
  settingsOf,
  sharedKeys,
  withKeys,
  withPeople,
  withSettings,
} from './ring-rules.ts';
import { defaultSettings, type RingKind, type Rings } from './rings.ts';

const KEYS_MS = 50;
/** Own devices answer first; the others only if nobody has. */
const OWN_ANSWER_MS = 300;
const OTHERS_ANSWER_MS = 2_000;
/** How often this device answers in one conversation, and how often it asks. */
const ANSWER_EVERY_MS = 10_000;
const ASK_EVERY_MS = 600_000;
/** Whoever let this device in is about to tell it: then it asks, and after a while messages go without a wrap. */
const ASK_AFTER_MS = 1_500;
const WAIT_MS = 3_000;

type Needs = Pick<Parts, 'host' | 'directory' | 'device' | 'groups' | 'rings' | 'controls' | 'emitter'>;

/** Who is told which keys of a conversation, and what becomes of what others tell. */
export class Sharing {
  readonly #parts: Needs;
  /** When this device last answered, and the last keys that anybody told others. */
  readonly #answered = new Map<string, number>();
  readonly #told = new Map<string, { seq: number; count: number }>();
  readonly #asked = new Map<string, number>();
  /** The epoch in which this device last said that others were told old settings. */
  readonly #corrected = new Map<string, number>();
  /** Since when a message waits for the settings. */
  readonly #waiting = new Map<string, number>();

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /**
   * The keys for the next message. Throws `unavailable` while new ones are on their way; where they can't be told, or
   * where nobody tells this device how the conversation is kept, the message goes without.
   */
  async keysInUse(
    conversationId: string,
    group: Group,
  ): Promise<{ history?: RingKey | undefined; search?: RingKey | undefined }> {
    const rings = await this.#parts.rings.get(conversationId);
    const settings = settingsOf(rings, group);
    const now = this.#parts.host.clock.now();
    if (settings === undefined) {
      this.ask(conversationId);
      const since = this.#waiting.get(conversationId) ?? now;
      this.#waiting.set(conversationId, since);
      if (now - since < WAIT_MS) throw notYet('this device is being told how the conversation is kept', KEYS_MS);
      return {};
    }
    if (dueKinds(rings, settings, now).length > 0 && this.#parts.controls.mayTell(conversationId)) {
      const changes = await this.#parts.controls.want(conversationId, { is: 'keys', why: 'due' });
      if (changes.length > 0) await this.#parts.host.write(changes);
      this.#parts.controls.drive(conversationId);
      throw notYet('keys for the archive are being made', KEYS_MS);
    }
    return {
      history: keyInUse(rings, settings, 'history', now),
      search: keyInUse(rings, settings, 'search', now),
    };
  }

  /** What a control message changes, at its place in the log. */
  async take(conversationId: string, group: Group, entry: MessageEntry, told: Control): Promise<Change[]> {
    const before = await this.#parts.rings.get(conversationId);
    if (told.type === 'keys_request') {
      if (entry.senderDeviceId !== this.#parts.host.me().deviceId) this.#parts.device.quietly(this.#answer(entry));
      return [];
    }
    const by = { conversationId, byUserId: entry.senderId, byDeviceId: entry.senderDeviceId };
    if (told.type === 'settings') {
      const settings = settingsOf(before, group);
      // The rest of them is about to be told, and must not be guessed: it may be strict.
      if (settings === undefined && told.history === undefined) return [];
      const next = withSettings(before, settings ?? defaultSettings, told);
      if (next.settings !== undefined) this.#parts.emitter.emit('settings', { ...by, ...next.settings });
      return this.#parts.rings.next(conversationId, next);
    }
    if (told.fresh !== true) this.#told.set(conversationId, { seq: entry.seq, count: countOf(told) });
    const now = this.#parts.host.clock.now();
    const known = await this.#noted(before, group, now);
    const next = withKeys(known, told, entry.epoch, now, epochOf(group));
    if (settingsOf(before, group) === undefined && next.settings !== undefined)
      this.#parts.emitter.emit('settings', { ...by, ...next.settings });
    const mine = settingsOf(before, group);
    // Sent before its sender knew what this device knows: whoever joined meanwhile must not believe it.
    if (mine !== undefined && told.settings !== undefined && told.settings.history !== mine.history)
      this.#parts.device.quietly(this.#correct(entry));
    if (next.history !== before.history && told.fresh !== true) this.#parts.emitter.emit('archive', { conversationId });
    return this.#parts.rings.next(conversationId, next);
  }

  /** A group's next state was adopted: whoever left, or came newly, makes new keys necessary. */
  async moved(
    conversationId: string,
    group: Group,
    change: { epoch: number; someoneLeft: boolean; isNewGroup: boolean; ownAdds: boolean },
  ): Promise<Change[]> {
    const before = await this.#parts.rings.get(conversationId);
    let next = await this.#noted(before, group, this.#parts.host.clock.now());
    const isOther = before.people.length > 0 && next !== before;
    if (change.someoneLeft || change.isNewGroup || isOther) next = mustRotate(next, change.epoch);
    const changes = next === before ? [] : this.#parts.rings.next(conversationId, next);
    // The first group's members know all there is; its first message brings the first keys.
    if (!change.ownAdds || change.epoch <= 1) return changes;
    return [...changes, ...(await this.#parts.controls.want(conversationId, { is: 'keys', why: 'joined' }))];
  }

  /** Asks the other devices for keys and settings, unless that was done a while ago. */
  ask(conversationId: string, kind?: RingKind, version?: number): void {
    const now = this.#parts.host.clock.now();
    if (now - (this.#asked.get(conversationId) ?? Number.NEGATIVE_INFINITY) < ASK_EVERY_MS) return;
    this.#asked.set(conversationId, now);
    this.#parts.device.quietly(this.#askLater(conversationId, kind, version));
  }

  async #askLater(conversationId: string, kind?: RingKind, version?: number): Promise<void> {
    const { clock, signal, turns, write } = this.#parts.host;
    await delay(clock, ASK_AFTER_MS, signal);
    if (signal.aborted) return;
    await turns.run(conversationId, async () => {
      const group = await this.#parts.groups.get(conversationId);
      const rings = await this.#parts.rings.get(conversationId);
      const knows =
        settingsOf(rings, group) !== undefined &&
        (kind === undefined || version === undefined || keysOfVersion(rings[kind], version).length > 0);
      // Whoever is not in the group yet asks again when it is.
      if (group.state?.status !== 'active') this.#asked.delete(conversationId);
      if (knows || group.state?.status !== 'active') return;
      await write(await this.#parts.controls.want(conversationId, { is: 'keys_request' }));
    });
    this.#parts.controls.drive(conversationId);
  }

  async #answer({ conversationId, seq, senderId }: MessageEntry): Promise<void> {
    const { clock, random, signal, turns, write, me } = this.#parts.host;
    const isOwn = senderId === me().userId;
    await delay(clock, isOwn ? random() * OWN_ANSWER_MS : OWN_ANSWER_MS + random() * OTHERS_ANSWER_MS, signal);
    const last = this.#answered.get(conversationId) ?? Number.NEGATIVE_INFINITY;
    if (signal.aborted || clock.now() - last < ANSWER_EVERY_MS) return;
    await turns.run(conversationId, async () => {
      const rings = await this.#parts.rings.get(conversationId);
      const settings = settingsOf(rings, await this.#parts.groups.get(conversationId));
      if (settings === undefined) return;
      const told = this.#told.get(conversationId);
      // Somebody was faster, and knew as much.
      if (told !== undefined && told.seq > seq && told.count >= countOf(sharedKeys(rings, settings, true))) return;
      this.#answered.set(conversationId, clock.now());
      await write(await this.#parts.controls.want(conversationId, { is: 'keys', why: 'asked' }));
    });
    this.#parts.controls.drive(conversationId);
  }

  async #correct({ conversationId, epoch }: MessageEntry): Promise<void> {
    const { clock, random, signal, turns, write } = this.#parts.host;
    await delay(clock, random() * OTHERS_ANSWER_MS, signal);
    const last = this.#corrected.get(conversationId);
    if (signal.aborted || last === epoch) return;
    this.#corrected.set(conversationId, epoch);
    await turns.run(conversationId, async () => {
      const settings = settingsOf(
        await this.#parts.rings.get(conversationId),
        await this.#parts.groups.get(conversationId),
      );
      if (settings === undefined) return;
      await write(await this.#parts.controls.want(conversationId, { is: 'settings', history: settings.history }));
    });
    this.#parts.controls.drive(conversationId);
  }

  async #noted(rings: Rings, group: Group, now: number): Promise<Rings> {
    const known = await Promise.all(
      group.users.map(async (userId) => ({
        userId,
        since: (await this.#parts.directory.kept(userId))?.pin?.since ?? 0,
      })),
    );
    return withPeople(
      rings,
      known.filter(({ since }) => since > 0),
      now,
    );
  }
}

const countOf = ({ history = [], search = [] }: Extract<Control, { type: 'keys' }>): number =>
  history.length + search.length;
