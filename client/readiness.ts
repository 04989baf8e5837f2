import type { Clock } from './clock.ts';
import type { Connection, ConnectionState } from './connection.ts';
import type { Emitter } from './emitter.ts';
import { closedError, SottoError } from './errors.ts';
import type { ClientEvents } from './events.ts';

/** Resolves once everything missed has come in; rejects when the server refuses this device, the client is closed, or after `ms`. */
export function becomesReady(
  connection: Connection,
  emitter: Emitter<ClientEvents>,
  clock: Clock,
  ms: number,
  closing: AbortSignal,
): Promise<void> {
  if (closing.aborted) return Promise.reject(closedError());
  return new Promise((resolve, reject) => {
    const check = (state: ConnectionState) => {
      if (state.is === 'ready') finish(resolve);
      if (state.is === 'refused')
        finish(() => reject(new SottoError('unauthenticated', `refused: ${state.refusal.reason}`)));
    };
    const finish = (settle: () => void) => {
      off();
      closing.removeEventListener('abort', close);
      cancel();
      settle();
    };
    const off = emitter.on('connection', check);
    const cancel = clock.after(ms, () =>
      finish(() => {
        const why = connection.lastReason;
        reject(new SottoError('unavailable', `not connected within ${ms} ms${why === undefined ? '' : `: ${why}`}`));
      }),
    );
    const close = () => finish(() => reject(closedError()));
    closing.addEventListener('abort', close);
    check(connection.state);
  });
}
