import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to outgoing connections (32768 and up on Linux, 49152 by RFC 6335), so that nobody
 * gets one by chance between its choice and its use.
 */
const LOWEST = 10_000;
const HIGHEST = 32_767;
/** Chosen here already: it need not be in use yet. */
const chosen = new Set<number>();

/** A TCP port that is free now on the loopback interface, and so are the `count - 1` ports after it. */
export async function freePort(count = 1): Promise<number> {
  for (let attempt = 0; attempt < 1_000; attempt += 1) {
    const first = randomInt(LOWEST, HIGHEST - count);
    const ports = Array.from({ length: count }, (_, i) => first + i);
    if (ports.some((port) => chosen.has(port))) continue;
    const free = await Promise.all(ports.map(isFree));
    if (!free.every(Boolean)) continue;
    for (const port of ports) chosen.add(port);
    return first;
  }
  throw new Error(`No port from ${LOWEST} to ${HIGHEST} is free.`);
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
