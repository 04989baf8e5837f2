import { BlockList, isIP, isIPv4 } from 'node:net';

/** True for an address or a range such as `10.0.0.0/8`. */
export function isAddressRange(text: string): boolean {
  return parseRange(text) !== undefined;
}

/** The proxies whose word about the client's address is taken. */
export function addressRanges(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const range = parseRange(text);
    if (range === undefined) throw new Error(`${text} is no address and no range of addresses`);
    list.addSubnet(range.address, range.prefix, range.family);
  }
  return list;
}

/**
 * Who is really there. Each trusted proxy adds the address it sees to the end of `X-Forwarded-For`; what stands before
 * the first untrusted one, anybody may have written.
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trusted: BlockList): string {
  let client = peer;
  const hops = forwardedFor === undefined ? [] : forwardedFor.split(',');
  for (let hop = hops.length; hop > 0 && isTrusted(client, trusted); hop -= 1) {
    const next = plainAddress(hops[hop - 1]?.trim() ?? '');
    if (isIP(next) === 0) break;
    client = next;
  }
  return client;
}

/** One spelling per address: IPv4 inside IPv6 as IPv4, other IPv6 lower-case and short. */
export function plainAddress(text: string): string {
  if (!text.includes(':')) return text;
  try {
    const short = new URL(`http://[${text}]`).hostname.slice(1, -1);
    const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short);
    if (mapped === null) return short;
    const bits = (Number.parseInt(mapped[1] ?? '', 16) << 16) | Number.parseInt(mapped[2] ?? '', 16);
    return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
  } catch {
    // No address at all: the caller finds that out with isIP.
    return text;
  }
}

/** What limits are counted by: an IPv4 address, or the 64 bits of an IPv6 one that a provider gives to one customer. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('::');
  const before = head.split(':').filter((group) => group !== '');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(Math.max(0, zeros)).fill('0'), ...after].slice(0, 4).join(':');
}

function isTrusted(address: string, trusted: BlockList): boolean {
  return trusted.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

function parseRange(text: string): { address: string; prefix: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [head = '', tail, ...more] = text.trim().split('/');
  const address = plainAddress(head);
  const kind = isIP(address);
  if (kind === 0 || more.length > 0) return undefined;
  const bits = kind === 4 ? 32 : 128;
  if (tail !== undefined && !/^\d{1,3}$/.test(tail)) return undefined;
  const prefix = tail === undefined ? bits : Number(tail);
  return prefix > bits ? undefined : { address, prefix, family: kind === 4 ? 'ipv4' : 'ipv6' };
}
