import type { Clock } from './clock.ts';
import type { Session } from './socket/session.ts';

/** However few connections there are, none waits longer than this for its turn to be closed. */
const MS_PER_SOCKET = 20;
const STEP_MS = 50;
const MIN_RECONNECT_MS = 100;

/**
 * Tells every connection that the server is going away and when to come back, then closes them evenly over the grace
 * period, so that the instances that stay are not stormed. Requests that were accepted are still answered.
 */
export async function closePaced(
  sessions: Iterable<Pick<Session, 'announceEnd' | 'end' | 'requestsInFlight'>>,
  options: { graceMs: number; clock: Clock; random: () => number },
): Promise<void> {
  const { graceMs, clock, random } = options;
  const waiting = [...sessions];
  const total = waiting.length;
  const spread = Math.min(graceMs, total * MS_PER_SOCKET);
  for (const session of waiting) {
    session.announceEnd('draining', Math.round(MIN_RECONNECT_MS + random() * Math.max(spread, 1_000)));
  }
  const started = clock.now();
  let closed = 0;
  while (waiting.length > 0) {
    const elapsed = clock.now() - started;
    const due = elapsed >= spread ? total : Math.floor((elapsed / spread) * total);
    for (let looks = waiting.length; looks > 0 && closed < due; looks--) {
      const session = waiting.shift();
      if (session === undefined) break;
      // Who still waits for an answer gets it first, as long as there is time.
      if (session.requestsInFlight > 0 && elapsed < graceMs) waiting.push(session);
      else {
        session.end('draining');
        closed++;
      }
    }
    if (waiting.length > 0) await new Promise<void>((resolve) => clock.after(STEP_MS, resolve));
  }
}
