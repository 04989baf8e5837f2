import { MAX_CONTENT_BYTES } from '../../protocol/scalars.ts';
import { maxAuthenticatedDataBytes } from './commit.ts';
import { ensure, MlsError } from './mls-error.ts';

/** The readable part of an application message. */
export type MessageHeader = {
  readonly conversationId: string;
  readonly generation: number;
  readonly epoch: number;
};

/**
 * Version, wire format, group id (20 bytes behind their length), epoch, content type, and two bytes for the length
 * that follows.
 */
const prefixBytes = 36;
const prefixCharacters = (prefixBytes / 3) * 4;
/** Filled and read within one call. */
const prefix = Buffer.alloc(prefixBytes);

const sextets = new Int8Array(128).fill(-1);
for (const [value, character] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].entries()) {
  sextets[character.charCodeAt(0)] = value;
}

/**
 * Reads the header of an application message, an MLSMessage holding a PrivateMessage (RFC 9420 section 6.3), from its
 * base64url text. Every message passes here, so only the 36 bytes at the start and the lengths of the two ciphertexts
 * are decoded; the lengths must add up to the end of the text. The schema of the frame has made sure that the text is
 * canonical base64url.
 */
export function readMessageHeader(text: string): MessageHeader {
  const size = Math.floor((text.length * 3) / 4);
  ensure(size <= MAX_CONTENT_BYTES, 'too_large');
  ensure(size >= prefixBytes, 'truncated');
  for (let at = 0, character = 0; character < prefixCharacters; at += 3, character += 4) {
    const bits = fourSextets(text, character);
    prefix[at] = bits >> 16;
    prefix[at + 1] = bits >> 8;
    prefix[at + 2] = bits;
  }
  ensure(prefix.readUInt16BE(0) === 1, 'wrong_version');
  ensure(prefix.readUInt16BE(2) === 2, 'wrong_wire_format');
  ensure(prefix[4] === 20, 'bad_group_id');
  const epoch = prefix.readUInt32BE(25) * 0x1_0000_0000 + prefix.readUInt32BE(29);
  ensure(Number.isSafeInteger(epoch), 'bad_epoch');
  ensure(prefix[33] === 1, 'wrong_content_type');
  const hex = prefix.toString('hex', 5, 21);
  const tail = `${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  const conversationId = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${tail}`;
  const generation = prefix.readUInt32BE(21);

  const senderData = afterVector(text, size, 34, maxAuthenticatedDataBytes, 'authenticated_data_too_long');
  const ciphertext = afterVector(text, size, senderData, MAX_CONTENT_BYTES, 'truncated');
  ensure(afterVector(text, size, ciphertext, MAX_CONTENT_BYTES, 'truncated') === size, 'trailing_bytes');
  return { conversationId, generation, epoch };
}

/** Where the vector that starts at byte `at` ends. */
function afterVector(
  text: string,
  size: number,
  at: number,
  most: number,
  reason: 'authenticated_data_too_long' | 'truncated',
): number {
  const first = byteAt(text, size, at);
  const form = first >> 6;
  let length = first;
  if (form === 1) {
    length = (first & 0x3f) * 0x100 + byteAt(text, size, at + 1);
    ensure(length >= 64, 'non_minimal_varint');
  } else if (form === 2) {
    const low = byteAt(text, size, at + 2) * 0x100 + byteAt(text, size, at + 3);
    length = (first & 0x3f) * 0x100_0000 + byteAt(text, size, at + 1) * 0x1_0000 + low;
    ensure(length >= 16_384, 'non_minimal_varint');
  } else if (form === 3) {
    throw new MlsError('bad_varint');
  }
  ensure(length <= most, reason);
  const end = at + (1 << form) + length;
  ensure(end <= size, 'truncated');
  return end;
}

function byteAt(text: string, size: number, at: number): number {
  ensure(at < size, 'truncated');
  const offset = at % 3;
  const character = ((at - offset) / 3) * 4 + offset;
  const pair = (sextetAt(text, character) << 6) | sextetAt(text, character + 1);
  return (pair >> (4 - 2 * offset)) & 0xff;
}

function fourSextets(text: string, at: number): number {
  const high = (sextetAt(text, at) << 6) | sextetAt(text, at + 1);
  return (high << 12) | (sextetAt(text, at + 2) << 6) | sextetAt(text, at + 3);
}

function sextetAt(text: string, at: number): number {
  const sextet = sextets[text.charCodeAt(at)] ?? -1;
  ensure(sextet >= 0, 'bad_base64url');
  return sextet;
}
