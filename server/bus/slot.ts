const SLOTS = 16384;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  return crc & 0xffff;
});

/** The slot of a Redis Cluster that a channel belongs to: CRC-16/XMODEM of its name, or of what stands in its first braces. */
export function slotOf(channel: string): number {
  const tag = /\{([^}]+)\}/.exec(channel.slice(channel.indexOf('{')));
  let crc = 0;
  for (const byte of Buffer.from(tag?.index === 0 ? (tag[1] ?? '') : channel)) {
    crc = ((crc << 8) & 0xffff) ^ (TABLE[((crc >> 8) ^ byte) & 0xff] ?? 0);
  }
  return crc % SLOTS;
}
