import type { Clock } from './clock.ts';
import type { Entry } from './records.ts';

/** What an application does with an entry. The entry counts as held by this device once it has returned or resolved. */
export type EntryHandler = (entry: Entry) => void | Promise<void>;

/** A handler that did not finish. It is not called again for that entry, because it may still be at work. */
export class HandlerTooSlow extends Error {}

/** Calls a handler, but does not wait for ever. */
export function handleWithin(handler: EntryHandler, entry: Entry, clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new HandlerTooSlow(`the handler did not finish within ${ms} ms`)));
    const finish = (settle: () => void) => {
      cancel();
      settle();
    };
    Promise.resolve()
      .then(() => handler(entry))
      .then(
        () => finish(resolve),
        (error: unknown) => finish(() => reject(error)),
      );
  });
}
