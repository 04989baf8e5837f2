import { parseGroupId } from '../../protocol/identity.ts';
import { MlsError } from './mls-error.ts';

/**
 * A conversation's MLS group is named by the 16 raw bytes of the conversation id and a generation of 4 big-endian
 * bytes (`groupIdBytes` builds it). Generation 0 is the first group; a conversation that was reset goes on in the
 * next one.
 */
export type GroupId = { readonly conversationId: string; readonly generation: number };

/**
 * Takes a group id apart. Whether that conversation exists and that generation is the current one is the caller's to
 * know.
 */
export function readGroupId(bytes: Uint8Array): GroupId {
  const groupId = parseGroupId(bytes);
  if (!groupId) throw new MlsError('bad_group_id');
  return groupId;
}
