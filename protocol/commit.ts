import * as v from 'valibot';
import { event, notification, request } from './define.ts';
import { bytes, epoch, exactBytes, seq, timestamp, uuid } from './scalars.ts';

export const MAX_COMMIT_BYTES = 256 * 1024;
export const MAX_WELCOME_BYTES = 1024 * 1024;

const commit = bytes(MAX_COMMIT_BYTES);
const welcome = bytes(MAX_WELCOME_BYTES);

/**
 * Moves a conversation from `baseEpoch` to the next epoch, in the same log as its messages; see epoch.ts for how these
 * relate to the epochs of its MLS group. A group id of the next generation starts a new group (a reset).
 * `adds` and `removes` must be exactly what the commit's proposals contain.
 */
export const commitSend = request(
  'commit.send',
  v.object({
    conversationId: uuid,
    clientId: uuid,
    baseEpoch: epoch,
    groupId: bytes(64),
    commit,
    adds: v.pipe(v.array(v.object({ deviceId: uuid, ref: exactBytes(32) })), v.maxLength(500)),
    removes: v.pipe(v.array(uuid), v.maxLength(500)),
    welcome: v.optional(welcome),
  }),
  v.object({ seq, epoch, duplicate: v.boolean() }),
);

export const commitEntry = v.object({
  conversationId: uuid,
  seq,
  senderId: uuid,
  senderDeviceId: uuid,
  /** The epoch that this commit leads to. */
  epoch,
  commit,
  sentAt: timestamp,
});

export const commitNew = event('commit.new', commitEntry);

/** An invitation for this device; repeated at each connect until acknowledged. */
export const welcomeNew = event('welcome.new', v.object({ id: uuid, conversationId: uuid, seq, epoch, welcome }));
export const welcomeAck = notification('welcome.ack', v.object({ id: uuid }));
