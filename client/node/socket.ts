import { WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../protocol/frame.ts';
import type { OpenSocket } from '../socket.ts';

const MAX_PAYLOAD = 4 * 1024 * 1024;
/** A server that hangs would keep the socket, and this process, for half a minute. */
const CLOSE_MS = 1_000;

/** A socket for Node, whose version 20 has no WebSocket of its own. */
export const openNodeSocket: OpenSocket = (url, events) => {
  const socket = new WebSocket(url, SUBPROTOCOL, { perMessageDeflate: false, maxPayload: MAX_PAYLOAD });
  let failure = '';
  socket.on('open', () => events.open());
  socket.on('message', (data, binary) => events.text(binary ? '' : data.toString()));
  // `close` follows every error.
  socket.on('error', (error) => {
    failure = error.message;
  });
  socket.on('close', (code, reason) => events.close(code, reason.toString() || failure));
  return {
    send: (frame) => socket.send(frame),
    // A close frame needs a living peer; one that does not answer is cut off.
    close: () => {
      if (socket.readyState !== WebSocket.OPEN) return socket.terminate();
      socket.close();
      const cut = setTimeout(() => socket.terminate(), CLOSE_MS);
      socket.once('close', () => clearTimeout(cut));
    },
  };
};
