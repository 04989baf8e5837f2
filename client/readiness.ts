import type { Clock } from './clock.ts';
import type { Connection, ConnectionState } from './connection.ts';
import type { Emitter } from './emitter.ts';
import { SottoError } from './errors.ts';
import type { ClientEvents } from './events.ts';

/** Resolves once everything missed has come in; rejects when the server refuses this device, or after `ms`. */
export function becomesReady(
  connection: Connection,
  emitter: Emitter<ClientEvents>,
  clock: Clock,
  ms: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = (state: ConnectionState) => {
      if (state.is === 'ready') finish(resolve);
      if (state.is === 'refused')
        finish(() => reject(new SottoError('unauthenticated', `refused: ${state.refusal.reason}`)));
    };
    const finish = (settle: () => void) => {
      off();
      cancel();
      settle();
    };
    const off = emitter.on('connection', check);
    const cancel = clock.after(ms, () =>
      finish(() => reject(new SottoError('unavailable', `not connected within ${ms} ms`))),
    );
    check(connection.state);
  });
}
