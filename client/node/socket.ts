import { WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../protocol/frame.ts';
import type { OpenSocket } from '../socket.ts';

const MAX_PAYLOAD = 4 * 1024 * 1024;

/** A socket for Node, whose version 20 has no WebSocket of its own. */
export const openNodeSocket: OpenSocket = (url, events) => {
  const socket = new WebSocket(url, SUBPROTOCOL, { perMessageDeflate: false, maxPayload: MAX_PAYLOAD });
  socket.on('open', () => events.open());
  socket.on('message', (data, binary) => events.text(binary ? '' : data.toString()));
  // `close` follows every error and says all there is to say.
  socket.on('error', () => undefined);
  socket.on('close', (code, reason) => events.close(code, reason.toString()));
  return {
    send: (frame) => socket.send(frame),
    // A close frame needs a living peer; one that does not answer is cut off.
    close: () => (socket.readyState === WebSocket.OPEN ? socket.close() : socket.terminate()),
  };
};
