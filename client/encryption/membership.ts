import type { Member } from '../e2ee/engine.ts';
import { E2eeError } from '../e2ee/error.ts';
import { checkMembers, type GroupRules, type UnsafeReason } from '../e2ee/group-checks.ts';
import type { KeyDirectory } from './directory.ts';

type Directory = Pick<KeyDirectory, 'known' | 'refreshAll'>;

/** Runs a step of the engine; asks the directory once more before it believes that a leaf is nobody's. */
export async function vouched<T>(directory: Directory, users: readonly string[], step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof E2eeError) || error.code !== 'unvouched') throw error;
    await directory.refreshAll(users);
    return step();
  }
}

/**
 * Why a group of these members must not be adopted; undefined if it may. A revoked device in it is no reason: read later,
 * a commit from before its revocation looks the same. It is removed before the next message is sent.
 */
export async function judge(
  directory: Directory,
  members: readonly Member[],
  rules: GroupRules,
): Promise<UnsafeReason | undefined> {
  let verdict = await checkMembers(members, rules, directory.known);
  if (verdict.kind === 'unknown_device') {
    await directory.refreshAll(rules.users);
    verdict = await checkMembers(members, rules, directory.known);
  }
  if (verdict.kind === 'safe') return undefined;
  return verdict.kind === 'unsafe' ? verdict.reason : 'ghost_device';
}
