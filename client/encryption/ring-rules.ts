import type { Control } from '../e2ee/content.ts';
import { acceptable, addKeys, currentKey, maxKeys, nextKey, type RingKey, rotationDue } from '../e2ee/key-ring.ts';
import type { Group } from './groups.ts';
import { type ConversationSettings, defaultSettings, type RingKind, type Rings } from './rings.ts';

/** What becomes of a conversation's keys and settings, as pure functions. */

type Keys = Extract<Control, { type: 'keys' }>;
type Settings = Extract<Control, { type: 'settings' }>;

/** As many as one message takes. */
const MAX_TOLD = 256;
const kinds = ['history', 'search'] as const;

/** Who was there when the conversation's first group was made knows how it is kept: as everything begins. */
export const settingsOf = (rings: Rings, group: Group): ConversationSettings | undefined =>
  rings.settings ??
  (group.state !== undefined && group.generation === 0 && group.joined <= 1 ? defaultSettings : undefined);

const wanted = ({ history, searchOnServer }: ConversationSettings): readonly RingKind[] =>
  kinds.filter((kind) => (kind === 'history' ? history === 'on' : searchOnServer));

/** The kinds whose present key protects nothing new. */
const staleKinds = (rings: Rings, settings: ConversationSettings, now: number): readonly RingKind[] =>
  wanted(settings).filter((kind) => {
    // One that was never told in the group, or not since this device is in it, may be known to somebody who left.
    const isDoubtful = currentKey(rings[kind])?.at === 0;
    return rotationDue(rings[kind], now, isDoubtful || rings.rotate[kind] > 0);
  });

/** The keys that have to be made before the next message. A ring that somebody filled takes none: messages go without. */
export const dueKinds = (rings: Rings, settings: ConversationSettings, now: number): readonly RingKind[] =>
  staleKinds(rings, settings, now).filter((kind) => rings[kind].length < maxKeys);

/** The key to use now; undefined where none is to be used. */
export function keyInUse(
  rings: Rings,
  settings: ConversationSettings,
  kind: RingKind,
  now: number,
): RingKey | undefined {
  if (!wanted(settings).includes(kind) || staleKinds(rings, settings, now).includes(kind)) return undefined;
  return currentKey(rings[kind]);
}

/** New keys for what is due, made now. */
export function freshKeys(rings: Rings, settings: ConversationSettings, now: number): Keys {
  const due = dueKinds(rings, settings, now);
  const told = (kind: RingKind) => (due.includes(kind) ? { [kind]: [bare(nextKey(rings[kind], now))] } : {});
  return { type: 'keys', fresh: true, settings, ...told('history'), ...told('search') };
}

/**
 * The keys that everyone in the group may know: the present ones, and with `older` those that were learnt since each
 * person has had the identity that they have now. Whoever lost an identity gets the past from nobody but themselves.
 */
export function sharedKeys(rings: Rings, settings: ConversationSettings, older: boolean): Keys {
  const since = Math.max(0, ...rings.people.map(({ at }) => at));
  const told = (kind: RingKind) => {
    const current = rings.rotate[kind] > 0 ? undefined : currentKey(rings[kind]);
    const shown = rings[kind].filter(({ at, v }) => at > 0 && (v === current?.v || (older && at >= since)));
    return shown.length === 0 ? {} : { [kind]: shown.slice(-MAX_TOLD).map(bare) };
  };
  return { type: 'keys', settings, ...told('history'), ...told('search') };
}

/**
 * After a message with keys, which stood in the log at `epoch`. Only what was made after a removal makes up for it; what was
 * made before the group's `present` epoch may be of somebody who has left since, and is for reading only.
 */
export function withKeys(rings: Rings, told: Keys, epoch: number, now: number, present = epoch): Rings {
  const at = epoch < present ? 0 : now;
  let next: Rings = { ...rings, settings: rings.settings ?? told.settings };
  for (const kind of kinds) {
    const before = currentKey(rings[kind])?.v ?? 0;
    const taken = acceptable(rings[kind], told[kind] ?? []);
    const isNew = told.fresh === true && epoch >= rings.rotate[kind] && taken.some(({ v }) => v > before);
    next = {
      ...next,
      [kind]: addKeys(rings[kind], taken, at),
      rotate: { ...next.rotate, [kind]: isNew ? 0 : rings.rotate[kind] },
    };
  }
  return next;
}

export function withSettings(
  rings: Rings,
  before: ConversationSettings,
  { history, searchOnServer, expireAfterMs }: Settings,
): Rings {
  const settings = {
    history: history ?? before.history,
    searchOnServer: searchOnServer ?? before.searchOnServer,
    // Null is a word too: never.
    expireAfterMs: expireAfterMs === undefined ? before.expireAfterMs : expireAfterMs,
  };
  return { ...rings, settings };
}

/** Somebody left, or may not read what was before: from this epoch on the present keys are for reading only. */
export const mustRotate = (rings: Rings, epoch: number): Rings => ({
  ...rings,
  rotate: { history: epoch, search: epoch },
});

/** This device was out of the group, and others may have left meanwhile: it is told anew which keys are in use. */
export const afterAbsence = (rings: Rings): Rings => {
  const doubted = (ring: Rings['history']) => ring.map((key) => ({ ...key, at: 0 }));
  return {
    ...rings,
    history: doubted(rings.history),
    search: doubted(rings.search),
    rotate: { history: 0, search: 0 },
  };
};

/** Notes under which identity everyone is known. A new person or identity may not read what was before it. */
export function withPeople(rings: Rings, known: readonly { userId: string; since: number }[], now: number): Rings {
  const isFirst = rings.people.length === 0;
  const people = known.map(({ userId, since }) => {
    const before = rings.people.find((person) => person.userId === userId);
    return before?.since === since ? before : { userId, since, at: isFirst ? 0 : now };
  });
  const left = rings.people.filter(({ userId }) => !known.some((person) => person.userId === userId));
  const all = [...people, ...left];
  return all.length === rings.people.length && all.every((person) => rings.people.includes(person))
    ? rings
    : { ...rings, people: all };
}

const bare = ({ v, key }: RingKey) => ({ v, key });
