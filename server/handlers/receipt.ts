import { ReceiptRefused, type Receipts } from '../delivery/receipts.ts';
import type { Typing } from '../delivery/typing.ts';
import { RequestError } from '../errors.ts';
import type { Handlers, NotificationHandlers } from './handler.ts';

export function receiptHandlers(receipts: Receipts): Pick<Handlers, 'receipt.read'> {
  return {
    'receipt.read': async ({ conversationId, seq }, { connection }) => {
      try {
        await receipts.read(connection, conversationId, seq);
      } catch (error) {
        if (error instanceof ReceiptRefused)
          throw new RequestError(refusals[error.outcome], { details: { field: 'seq' } });
        throw error;
      }
      return {};
    },
  };
}

const refusals = {
  beyond: 'not_found',
  ended: 'unauthenticated',
  displaced: 'unauthenticated',
  busy: 'unavailable',
} as const;

export function notificationHandlers(receipts: Receipts, typing: Typing): Omit<NotificationHandlers, 'welcome.ack'> {
  return {
    ack({ conversationId, seq }, { connection }) {
      // Nothing of an empty conversation is held by everybody.
      if (seq === 0) return;
      // What is above anything pushed here may still be below the log's head: PostgreSQL judges, and closes if it isn't.
      connection.outbox.ack(conversationId, seq);
      receipts.ack(connection, conversationId, seq);
    },
    'typing.set'({ conversationId, typing: on }, { connection }) {
      if (connection.outbox.has(conversationId)) typing.set(connection, conversationId, on);
    },
  };
}
