/** What is measured of sends, in milliseconds since they arrived. */
export interface SendTimes {
  /** Until the reply was written to the sender's socket. */
  acknowledged(ms: number): void;
  /** Until the event was written to the receivers' sockets on this instance. */
  delivered(ms: number): void;
}

/** One send in so many is timed, so that the others cost nothing. */
const EVERY = 16;

export interface SendTimer {
  /** When a send arrived, or 0 if this one isn't timed. */
  begin(): number;
  /** Reply and event were handed to their connections, which write at the end of this turn. */
  written(begun: number, here: boolean): void;
}

export function createSendTimer(times: SendTimes): SendTimer {
  let next = 0;
  return {
    begin() {
      next = (next + 1) % EVERY;
      return next === 1 ? performance.now() : 0;
    },
    written(begun, here) {
      // The flush of the sockets was queued before this, by the writes themselves.
      queueMicrotask(() => {
        const ms = performance.now() - begun;
        times.acknowledged(ms);
        if (here) times.delivered(ms);
      });
    },
  };
}
