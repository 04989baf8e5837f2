const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** A UUID version 7 (RFC 9562): 48 bits of time, then randomness. */
export function uuidv7(now: number, random: Uint8Array = crypto.getRandomValues(new Uint8Array(10))): string {
  const time = Math.floor(now).toString(16).padStart(12, '0');
  const tail = Array.from(random, hex).join('');
  const variant = ((Number.parseInt(tail[3] ?? '0', 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(0, 3)}-${variant}${tail.slice(4, 7)}-${tail.slice(7, 19)}`;
}

/** Ten random bytes out of a source of numbers from 0 to 1. */
export const randomBytes = (random: () => number): Uint8Array =>
  Uint8Array.from({ length: 10 }, () => Math.floor(random() * 256));
