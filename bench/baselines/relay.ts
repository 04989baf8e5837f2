/**
 * The bare relay: the same frames, the same JSON and valibot work, one reply and one event per send, and nothing else.
 * No storage, no accounts, no checks. It shows what sockets and parsing alone allow.
 */
import { deliver, serve } from './sockets.ts';

serve((ws, person, room, id, body) => deliver(ws, person, room, id, body, ++room.seq, new Date()));
