import { type Bytes, equalBytes, own, randomBytes } from './bytes.ts';

/** A secret of a conversation that its members share and replace from time to time: a history or a search key. */
export interface RingKey {
  /** Rises with each rotation; travels in the clear beside what the key protects. */
  readonly v: number;
  readonly key: Bytes;
  /**
   * When this device was told it in the conversation, in ms since 1970. 0 for one that came another way: somebody may have
   * left meanwhile who knows it, so it opens what is there but protects nothing new.
   */
  readonly at: number;
}

/**
 * All versions this device knows, oldest first. Two devices may rotate at the same time and give one version two keys:
 * both stay (each opens what its maker protected), and the one earlier in the log is used from then on.
 */
export type KeyRing = readonly RingKey[];

const month = 30 * 86_400_000;

export const currentKey = (ring: KeyRing): RingKey | undefined => {
  const highest = Math.max(...ring.map(({ v }) => v));
  return ring.find(({ v }) => v === highest);
};

export const keysOfVersion = (ring: KeyRing, v: number): readonly RingKey[] => ring.filter((entry) => entry.v === v);

/** Adds keys in the order in which the log holds them. Ones that are known already change nothing, but get their `at`. */
export function addKeys(ring: KeyRing, incoming: readonly { v: number; key: Uint8Array }[], at: number): KeyRing {
  const grown = [...ring];
  let changed = false;
  for (const { v, key } of incoming) {
    const index = grown.findIndex((known) => known.v === v && equalBytes(known.key, key));
    const known = grown[index];
    if (known === undefined) grown.push({ v, key: own(key), at });
    else if (known.at === 0 && at > 0) grown[index] = { ...known, at };
    else continue;
    changed = true;
  }
  return changed ? grown.sort((a, b) => a.v - b.v) : ring;
}

/** The key to introduce next, under a version above all known ones. */
export function nextKey(ring: KeyRing, at: number): RingKey {
  return { v: (currentKey(ring)?.v ?? 0) + 1, key: randomBytes(32), at };
}

/** Rotation is due after every removal (the caller says so), after a month, and when there is no key yet. */
export function rotationDue(ring: KeyRing, now: number, someoneWasRemoved: boolean): boolean {
  const current = currentKey(ring);
  return someoneWasRemoved || !current || now - current.at >= month;
}

/** How far above the present version a new one may be: nobody shall use up the numbers. */
const maxJump = 64;
/** For a device that knows none yet. */
const maxFirst = 65_536;
/** Devices that rotate at the same moment; more than that is no accident. */
const maxOfVersion = 8;
/** A full ring takes no more. */
export const maxKeys = 2_048;

/** The keys of `incoming` that a member may introduce or repeat. */
export function acceptable<Key extends { readonly v: number }>(ring: KeyRing, incoming: readonly Key[]): Key[] {
  const highest = currentKey(ring)?.v;
  const top = highest === undefined ? maxFirst : highest + maxJump;
  const counts = new Map<number, number>();
  for (const { v } of ring) counts.set(v, (counts.get(v) ?? 0) + 1);
  const taken = incoming.filter(({ v }) => {
    const count = counts.get(v) ?? 0;
    if (v > top || count >= maxOfVersion) return false;
    counts.set(v, count + 1);
    return true;
  });
  return taken.slice(0, Math.max(0, maxKeys - ring.length));
}
