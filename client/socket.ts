import { SOCKET_PATH, SUBPROTOCOL } from '../protocol/frame.ts';

/** What happens on a socket. `close` comes exactly once and last, also when it never opened. */
export interface SocketEvents {
  open(): void;
  text(frame: string): void;
  close(code: number, reason: string): void;
}

export interface ClientSocket {
  send(frame: string): void;
  close(): void;
}

export type OpenSocket = (url: string, events: SocketEvents) => ClientSocket;

/** The socket's address for a server's base address: `https://host` becomes `wss://host/v1/socket`. */
export function socketUrl(base: string): string {
  const url = new URL(SOCKET_PATH, base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

/** The platform's own WebSocket: browsers, Deno, Node from 22. */
export const openWebSocket: OpenSocket = (url, events) => {
  const socket = new WebSocket(url, SUBPROTOCOL);
  socket.onopen = () => events.open();
  // A binary frame is nothing this protocol knows; the connection treats the empty text as such.
  socket.onmessage = ({ data }) => events.text(typeof data === 'string' ? data : '');
  socket.onclose = ({ code, reason }) => events.close(code, reason);
  return {
    send: (frame) => socket.send(frame),
    close: () => socket.close(),
  };
};
