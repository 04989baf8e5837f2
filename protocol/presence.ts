import * as v from 'valibot';
import { event, request } from './define.ts';
import { timestamp, uuid } from './scalars.ts';

/** Whether others may see when this user is online. Off until switched on. */
export const presenceSet = request('presence.set', v.object({ visible: v.boolean() }), v.object({}));

export const presenceChanged = event(
  'presence.changed',
  v.object({ userId: uuid, online: v.boolean(), lastSeenAt: v.optional(timestamp) }),
);
