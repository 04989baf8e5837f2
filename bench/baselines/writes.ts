import type { WebSocket } from 'uWebSockets.js';

/** What one turn of the event loop has for a socket leaves in one write, as in the server. */
const pushed = new Map<WebSocket<unknown>, string[]>();

export function push(ws: WebSocket<unknown>, frame: string): void {
  if (pushed.size === 0) setImmediate(flush);
  const frames = pushed.get(ws);
  if (frames === undefined) pushed.set(ws, [frame]);
  else frames.push(frame);
}

function flush(): void {
  for (const [ws, frames] of pushed) {
    ws.cork(() => {
      for (const frame of frames) ws.send(frame);
    });
  }
  pushed.clear();
}

export const forget = (ws: WebSocket<unknown>): boolean => pushed.delete(ws);
