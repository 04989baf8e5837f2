import { isRequestType } from '../protocol/index.ts';
import type { SocketMetrics } from './socket/lobby.ts';

const SECONDS = 60;

/** What this instance is doing now, for administrators. */
export interface Activity extends Pick<SocketMetrics, 'started' | 'answered'> {
  /** Requests that have no answer yet, by type. */
  requestsInFlight(): Readonly<Record<string, number>>;
  /** Messages that were stored for senders here during the last minute. */
  messagesPerMinute(): number;
  /** Tells both. */
  beside(other: SocketMetrics): SocketMetrics;
}

export function createActivity(now: () => number): Activity {
  const inFlight = new Map<string, number>();
  // One count for each second of a minute.
  const stored = new Array<number>(SECONDS).fill(0);
  let at = Math.floor(now() / 1_000);

  const add = (type: string, by: 1 | -1): void => {
    // Clients must not be able to fill this with names of their own.
    const name = isRequestType(type) ? type : 'unknown';
    inFlight.set(name, (inFlight.get(name) ?? 0) + by);
  };
  const turn = (): void => {
    const second = Math.floor(now() / 1_000);
    for (at = Math.max(at, second - SECONDS); at < second; ) stored[++at % SECONDS] = 0;
  };

  const self: Activity = {
    started: (type) => add(type, 1),
    answered(type, code) {
      add(type, -1);
      if (type !== 'message.send' || code !== 'ok') return;
      turn();
      stored[at % SECONDS] = (stored[at % SECONDS] ?? 0) + 1;
    },
    requestsInFlight: () => Object.fromEntries([...inFlight].filter(([, count]) => count > 0)),
    messagesPerMinute() {
      turn();
      return stored.reduce((sum, count) => sum + count, 0);
    },
    beside: (other) => ({
      ...other,
      started(type) {
        self.started(type);
        other.started(type);
      },
      answered(type, code) {
        self.answered(type, code);
        other.answered(type, code);
      },
    }),
  };
  return self;
}
