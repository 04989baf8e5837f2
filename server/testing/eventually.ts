import { setTimeout as delay } from 'node:timers/promises';

/** For another process, which offers no event to wait for: asks until `holds`, and fails after `withinMs`. */
export async function eventually(holds: () => Promise<boolean>, what: string, withinMs = 30_000): Promise<void> {
  for (const end = Date.now() + withinMs; !(await holds()); ) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`);
    await delay(50);
  }
}
