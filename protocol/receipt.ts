import * as v from 'valibot';
import { event, notification, request } from './define.ts';
import { count, mark, seq, uuid } from './scalars.ts';

/** This device holds every entry up to `seq`, which may be 0. Cumulative. */
export const ack = notification('ack', v.object({ conversationId: uuid, seq: mark }));

/** This user has read every entry up to `seq`; implies delivery. Replied to when stored. */
export const receiptRead = request('receipt.read', v.object({ conversationId: uuid, seq }), v.object({}));

/** A member's marks rose. One's own devices also get `unread`. */
export const receiptChanged = event(
  'receipt.changed',
  v.object({ conversationId: uuid, userId: uuid, deliveredSeq: mark, readSeq: mark, unread: v.optional(count) }),
);
