import * as v from 'valibot';
import { event, notification } from './define.ts';
import { duration, uuid } from './scalars.ts';

/** Says that this user is, or is no longer, writing. Repeat every few seconds while it lasts. */
export const typingSet = notification('typing.set', v.object({ conversationId: uuid, typing: v.boolean() }));

/** The whole list of who else is writing, each for `forMs` more unless said again. */
export const typingChanged = event(
  'typing.changed',
  v.object({ conversationId: uuid, typing: v.array(v.object({ userId: uuid, forMs: duration })) }),
);
