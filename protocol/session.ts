import * as v from 'valibot';
import { event, request } from './define.ts';
import { count, duration, exactBytes, line, timestamp, token, uuid, version } from './scalars.ts';

const empty = v.object({});

export const limits = v.object({
  /** The largest frame, in bytes. */
  maxFrameBytes: count,
  /** The most requests in flight. */
  maxInFlight: count,
  /** The most entries, and bytes of them, pushed without an `ack`. */
  windowEntries: count,
  windowBytes: count,
  /** Send `ping` after this much silence. */
  pingEveryMs: duration,
  /** The largest `mls` or `content`, in bytes. */
  maxContentBytes: count,
});

/** The head of an account's chain of account keys. */
export const accountKeyHead = v.object({ version, hash: exactBytes(32) });

/** The first frame of a connection. `client` names the program, for the server's log. */
export const hello = request(
  'hello',
  v.object({ token, client: v.optional(line(256)) }),
  v.object({
    userId: uuid,
    deviceId: uuid,
    /** The version of this protocol that the server speaks. */
    protocol: version,
    serverTime: timestamp,
    /** This incarnation of the database. A new one: drop all positions and read again. */
    logId: uuid,
    limits,
    accountKeyHead: v.optional(accountKeyHead),
  }),
);

export const ping = request('ping', empty, v.object({ serverTime: timestamp }));

/** Puts a fresh access token of the same device under a living connection. */
export const sessionRenew = request('session.renew', v.object({ token }), v.object({ expiresAt: timestamp }));

/** Comes 60 s before the connection's token expires; without `session.renew` it then closes with 4501. */
export const sessionExpiring = event('session.expiring', v.object({ expiresAt: timestamp }));

/** The server is about to close this connection; come back after `reconnectAfterMs`. */
export const sessionEnding = event('session.ending', v.object({ reason: v.string(), reconnectAfterMs: duration }));

/** Everything up to the heads fixed at hello has been written. `resync`: too much else changed, list again. */
export const syncDone = event('sync.done', v.object({ resync: v.optional(v.boolean()) }));
