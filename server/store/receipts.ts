import { type IWriteReceiptsResult, writeReceipts } from '../../sql/queries/receipts.queries.ts';
import { listOf } from './arrays.ts';
import type { Gate } from './gate.ts';
import { oneOf } from './one-of.ts';
import type { ReceiptAnswer, ReceiptStore } from './store.ts';

export function createReceiptStore(gate: Gate): ReceiptStore {
  return {
    async writeReceipts(writes) {
      const rows = await gate.run('background', (sql) =>
        writeReceipts.run(
          {
            conversationIds: listOf(writes.map((write) => write.conversationId)),
            sessionIds: listOf(writes.map((write) => write.sessionId)),
            connectionNos: listOf(writes.map((write) => write.connectionNo)),
            ackSeqs: listOf(writes.map((write) => write.ackSeq)),
            readSeqs: listOf(writes.map((write) => write.readSeq)),
          },
          sql,
        ),
      );
      if (rows.length !== writes.length) throw new Error('write_receipts did not answer every write');
      const answers: ReceiptAnswer[] = [];
      for (const row of rows) answers[row.n - 1] = toAnswer(row);
      return answers;
    },
  };
}

function toAnswer(row: IWriteReceiptsResult): ReceiptAnswer {
  const { outcome, userId, deliveredSeq, readSeq, rose, unread, audience } = row;
  if (outcome === 'written' && userId !== null && deliveredSeq !== null && readSeq !== null) {
    return {
      outcome,
      userId,
      deliveredSeq,
      readSeq,
      rose,
      unread: unread ?? undefined,
      audience: audience?.split(',') ?? [],
    };
  }
  return { outcome: oneOf(['busy', 'displaced', 'ended', 'beyond'], outcome, 'write_receipts') };
}
