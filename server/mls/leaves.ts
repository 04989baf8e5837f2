import { ensure } from './mls-error.ts';

/** Devices of one group, the limit of version 1. */
export const maxGroupDevices = 500;

/** A device's place in the ratchet tree. A group is a list of these, one per device, in any order. */
export type Leaf = { readonly leafIndex: number; readonly deviceId: string };

/** The group before its first commit: its creator, alone. */
export function newGroup(deviceId: string): Leaf[] {
  return [{ leafIndex: 0, deviceId }];
}

/** Where a device sits, if it is in the group. */
export function leafOf(leaves: readonly Leaf[], deviceId: string): Leaf | undefined {
  return leaves.find((leaf) => leaf.deviceId === deviceId);
}

/**
 * The group after a commit, by the rule of RFC 9420 sections 7.7, 7.8 and 12.3: first the removed leaves become
 * blank, then each add, in the order of the proposals, takes the leftmost blank leaf, or a new one at the right end
 * if none is blank. Both are the lowest index not in use: extending a full tree puts the new leaf right behind the
 * last, and truncating an emptied right half takes away only indexes above every used one. The result is sorted by
 * leaf index.
 */
export function applyCommit(leaves: readonly Leaf[], removes: readonly number[], adds: readonly string[]): Leaf[] {
  const byIndex = new Map(leaves.map((leaf) => [leaf.leafIndex, leaf]));
  for (const leafIndex of removes) ensure(byIndex.delete(leafIndex), 'unknown_leaf');
  const present = new Set(Array.from(byIndex.values(), (leaf) => leaf.deviceId));
  let candidate = 0;
  for (const deviceId of adds) {
    ensure(!present.has(deviceId), 'already_member');
    present.add(deviceId);
    while (byIndex.has(candidate)) candidate += 1;
    byIndex.set(candidate, { leafIndex: candidate, deviceId });
  }
  ensure(byIndex.size <= maxGroupDevices, 'too_many');
  return [...byIndex.values()].sort((one, other) => one.leafIndex - other.leafIndex);
}
