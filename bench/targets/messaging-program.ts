/** The server's delivery on a socket of its own, without accounts: a token is an identity as JSON. */
import { SOCKET_PATH } from '../../protocol/frame.ts';
import { MAX_FRAME_BYTES } from '../../protocol/scalars.ts';
import { listen } from '../../server/listen/listen.ts';
import { startMessaging } from '../../server/testing/messaging.ts';

const messaging = startMessaging({ url: process.env.DATABASE_URL ?? '' });
const listener = await listen({
  host: '127.0.0.1',
  port: Number(process.env.PORT ?? 0),
  routes: [],
  socket: {
    path: SOCKET_PATH,
    maxFrameBytes: MAX_FRAME_BYTES,
    admit: messaging.lobby.admit,
    accept: (socket) => messaging.lobby.accept(socket),
  },
  origins: [],
  trustedProxies: [],
  report: (error) => {
    console.error(error);
    return 'bench';
  },
});
process.send?.({ port: listener.port });
process.on('disconnect', () => process.exit());
