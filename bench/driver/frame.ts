/**
 * The little of RFC 6455 that a load driver needs: whole text frames, both ways. The masking key is zero, so masking
 * changes no byte and costs the driver nothing; the server unmasks all the same.
 */
const TEXT = 0x81;
const MASKED = 0x80;

export const OPCODE_TEXT = 1;
export const OPCODE_CLOSE = 8;
export const OPCODE_PING = 9;

/** A masked frame with that opcode. */
export function encodeFrame(text: string, opcode: number = OPCODE_TEXT): Buffer {
  const payload = Buffer.from(text, 'utf8');
  const header = payload.length < 126 ? Buffer.alloc(6) : payload.length < 65_536 ? Buffer.alloc(8) : Buffer.alloc(14);
  header[0] = (TEXT & 0xf0) | opcode;
  if (payload.length < 126) {
    header[1] = MASKED | payload.length;
  } else if (payload.length < 65_536) {
    header[1] = MASKED | 126;
    header.writeUInt16BE(payload.length, 2);
  } else {
    header[1] = MASKED | 127;
    header.writeBigUInt64BE(BigInt(payload.length), 2);
  }
  return Buffer.concat([header, payload]);
}

export const upgradeRequest = (host: string, path: string): string =>
  [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '',
    '',
  ].join('\r\n');

const ACCEPTED = 'HTTP/1.1 101 ';

/** Where the answer to an upgrade ends, or -1 while it is incomplete. Throws if the server refused. */
export function upgradeEnd(bytes: Buffer): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return -1;
  const answer = bytes.toString('latin1', 0, end);
  if (!answer.startsWith(ACCEPTED)) throw new Error(`upgrade refused: ${answer.slice(0, 60)}`);
  return end + 4;
}

export interface FrameHead {
  opcode: number;
  /** Where the payload begins and ends in the buffer it was read from. */
  start: number;
  end: number;
}

/** Reads the head of the frame at `at` into `head`; false while the frame is incomplete. */
export function readFrame(bytes: Buffer, at: number, length: number, head: FrameHead): boolean {
  if (length - at < 2) return false;
  const first = bytes[at] as number;
  if ((first & 0x80) === 0) throw new Error('fragmented frames are not expected');
  let size = (bytes[at + 1] as number) & 0x7f;
  let start = at + 2;
  if (size === 126) {
    if (length - at < 4) return false;
    size = bytes.readUInt16BE(at + 2);
    start = at + 4;
  } else if (size === 127) {
    if (length - at < 10) return false;
    size = Number(bytes.readBigUInt64BE(at + 2));
    start = at + 10;
  }
  if (length - start < size) return false;
  head.opcode = first & 0x0f;
  head.start = start;
  head.end = start + size;
  return true;
}
