import { sha256 } from '@noble/hashes/sha2.js';
import { uuidBytes, uuidText } from '../../protocol/identity.ts';
import { compareBytes, concat } from './bytes.ts';

/** The id of the direct conversation of two people, as the server derives it too: nobody else can be in that one. */
export function directConversationId(one: string, other: string): string {
  const [low, high] = [uuidBytes(one), uuidBytes(other)].sort(compareBytes) as [Uint8Array, Uint8Array];
  const hash = sha256(concat(low, high)).slice(0, 16);
  hash[6] = 0x80 | ((hash[6] ?? 0) & 0x0f);
  hash[8] = 0x80 | ((hash[8] ?? 0) & 0x0f);
  return uuidText(hash);
}
