import type { Log } from '../log.ts';
import type { MailSender } from './mail-sender.ts';

/** More mails that wait to be woken are left to the sweep. */
const MAX_WOKEN = 256;
const SWEEP_EVERY_MS = 5_000;

export interface MailLoop {
  wake(ids: readonly string[]): void;
  /** Sends no more, and waits for what is being sent. */
  close(): Promise<void>;
}

/**
 * Sends mails in this process: those it is woken for at once, one after the other, and every few seconds whatever else
 * is due, which finds all that a lost wake-up or a killed process left behind.
 */
export function startMailLoop(sender: MailSender, log: Log, sweepEveryMs = SWEEP_EVERY_MS): MailLoop {
  const woken = new Set<string>();
  let running: Promise<void> | undefined;
  let sweepDue = true;
  let closed = false;

  const run = async (): Promise<void> => {
    while (!closed && (sweepDue || woken.size > 0)) {
      try {
        const [id] = woken;
        if (id !== undefined) {
          woken.delete(id);
          await sender.sendOne(id);
        } else {
          sweepDue = (await sender.sendDue()) > 0;
        }
      } catch (error) {
        sweepDue = false;
        log.warn({ err: error }, 'mails could not be sent now; they stay in the outbox');
      }
    }
  };
  const start = (): void => {
    if (closed || running !== undefined) return;
    running = run().finally(() => {
      running = undefined;
      // Woken between the last look and now.
      if (woken.size > 0) start();
    });
  };
  const timer = setInterval(() => {
    sweepDue = true;
    start();
  }, sweepEveryMs);
  start();

  return {
    wake(ids) {
      for (const id of ids) if (woken.size < MAX_WOKEN) woken.add(id);
      start();
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await running;
    },
  };
}
