import { equalBytes } from './bytes.ts';
import type { AcceptLeaf, GroupState, Member, MessageHeader } from './engine.ts';
import { E2eeError } from './error.ts';
import { type DirectoryDevice, isVouched } from './identity.ts';

/** What this client knows of one user: keys accepted under its pin, and the devices the server lists. */
export interface KnownUser {
  /** From `vouchingKeys`: the account keys that this client accepts. Empty until an identity is accepted. */
  readonly accountKeys: readonly Uint8Array[];
  readonly devices: readonly DirectoryDevice[];
  /** Devices the account has revoked or does not vouch for any more: they have to be removed and may not be added. */
  readonly revoked: readonly string[];
}

export type Directory = (userId: string) => KnownUser | undefined | Promise<KnownUser | undefined>;

export interface GroupRules {
  /** The only users whose devices may be in the group: for a direct conversation its two. */
  readonly users: readonly string[];
  /** This device, which has to be in it. */
  readonly self: { readonly deviceId: string; readonly publicKey: Uint8Array };
}

export const unsafeReasons = [
  'third_person', // a leaf of someone who is not in the conversation
  'ghost_device', // a leaf that no accepted account key vouches for
  'revoked_device_added',
  'duplicate_device', // one device or one key at two leaves
  'self_missing',
  'wrong_group',
  'fork',
] as const;
export type UnsafeReason = (typeof unsafeReasons)[number];

export type Verdict =
  | {
      readonly kind: 'safe';
      /** Revoked devices that still sit in the group: remove them before sending anything. */
      readonly stale: readonly Member[];
    }
  /** The directory has not told of this device (yet): ask it again once, then treat it as `ghost_device`. */
  | { readonly kind: 'unknown_device'; readonly member: Member }
  | { readonly kind: 'unsafe'; readonly reason: UnsafeReason; readonly member?: Member };

const unsafe = (reason: UnsafeReason, member?: Member): Verdict => ({
  kind: 'unsafe',
  reason,
  ...(member ? { member } : {}),
});

/**
 * Judges who is in a group, after joining it and with the state that a commit leads to, before that state is adopted.
 * Anything but `safe` means: do not adopt, mark the conversation unsafe, send nothing. `added` are the commit's.
 */
export async function checkMembers(
  members: readonly Member[],
  rules: GroupRules,
  directory: Directory,
  added: readonly Member[] = [],
): Promise<Verdict> {
  const stale: Member[] = [];
  for (const [index, member] of members.entries()) {
    if (!rules.users.includes(member.userId)) return unsafe('third_person', member);
    const again = members.findIndex(
      (other) => other.deviceId === member.deviceId || equalBytes(other.signatureKey, member.signatureKey),
    );
    if (again !== index) return unsafe('duplicate_device', member);
    const user = await directory(member.userId);
    const device = user?.devices.find(({ deviceId }) => deviceId === member.deviceId);
    if (!user || !device) return { kind: 'unknown_device', member };
    if (!equalBytes(device.key, member.signatureKey)) return unsafe('ghost_device', member);
    if (!(await belongs(user, member.userId, device))) return unsafe('ghost_device', member);
    if (user.revoked.includes(member.deviceId)) {
      if (added.some(({ leafIndex }) => leafIndex === member.leafIndex)) return unsafe('revoked_device_added', member);
      stale.push(member);
    }
  }
  const self = members.find(({ deviceId }) => deviceId === rules.self.deviceId);
  if (!self || !equalBytes(self.signatureKey, rules.self.publicKey)) return unsafe('self_missing');
  return { kind: 'safe', stale };
}

/** For `createTsMlsEngine`: the same question asked of every single leaf, so that a ghost is refused inside the engine too. */
export function acceptVouched(directory: Directory): AcceptLeaf {
  return async ({ userId, deviceId, signatureKey }) => {
    const user = await directory(userId);
    const device = user?.devices.find((candidate) => candidate.deviceId === deviceId);
    if (!user || !device || !equalBytes(device.key, signatureKey)) return false;
    return belongs(user, userId, device);
  };
}

/** A device of a former identity was in the group rightly, as one that was revoked was: neither shows a ghost. */
const belongs = async (user: KnownUser, userId: string, device: DirectoryDevice): Promise<boolean> =>
  device.former === true || isVouched(user.accountKeys, userId, device);

/** Judges a group that was joined: the welcome must lead to the group that the server announced. */
export function checkJoined(state: GroupState, groupId: Uint8Array, epoch: number): Verdict {
  return equalBytes(state.groupId, groupId) && state.epoch === epoch
    ? { kind: 'safe', stale: [] }
    : unsafe('wrong_group');
}

/**
 * Whether a failed step means that others went on without us: the server ordered a commit for our epoch that does not
 * fit our state. Retrying cannot help; the conversation is unsafe until its group is made anew. (One unreadable message
 * is no proof: its sender may be broken. Nor is a server noticed that keeps two lines apart: that shows only to people who
 * compare their `epochCode`.)
 */
export function isFork(state: GroupState, header: MessageHeader, error: unknown): boolean {
  return (
    error instanceof E2eeError &&
    error.code === 'undecryptable' &&
    header.kind === 'commit' &&
    equalBytes(header.groupId, state.groupId) &&
    header.epoch === state.epoch
  );
}
