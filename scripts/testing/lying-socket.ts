import type { OpenSocket } from '../../client/index.ts';
import { openNodeSocket } from '../../client/node/socket.ts';
import type { Reply } from '../../protocol/index.ts';

export type Told = Reply<'keys.devices'>;

/** The connection to a server that tells this device other keys than everyone else; `lie` changes what it tells in place. */
export function lyingSocket(lie: (userId: string, told: Told) => Promise<void>): OpenSocket {
  return (url, events) => {
    const asked = new Map<number, string>();
    // One after the other, so that nothing overtakes.
    let last: Promise<void> = Promise.resolve();
    const later = (step: () => Promise<void> | void) => {
      last = last.then(step);
    };
    const socket = openNodeSocket(url, {
      open: () => events.open(),
      close: (code, reason) => later(() => events.close(code, reason)),
      text: (text) =>
        later(async () => {
          const frame: { type: string; id: number; body: Told } = JSON.parse(text);
          const userId = frame.type === 'reply' ? asked.get(frame.id) : undefined;
          if (userId !== undefined) await lie(userId, frame.body);
          events.text(userId === undefined ? text : JSON.stringify(frame));
        }),
    });
    return {
      send: (text) => {
        const frame: { type: string; id: number; body: { userId: string } } = JSON.parse(text);
        if (frame.type === 'keys.devices') asked.set(frame.id, frame.body.userId);
        socket.send(text);
      },
      close: () => socket.close(),
    };
  };
}
