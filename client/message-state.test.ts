import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type MessageFact, type MessageState, marksOfOthers, nextMessageState } from './message-state.ts';

const at = { seq: 5, sentAt: '2026-01-01T00:00:00.000Z' };
const reason = { code: 'forbidden', message: 'no' };
const states: Record<MessageState['is'], MessageState> = {
  pending: { is: 'pending' },
  stored: { is: 'stored', ...at },
  delivered: { is: 'delivered', ...at },
  read: { is: 'read', ...at },
  failed: { is: 'failed', reason },
};
const facts = {
  stored: { is: 'stored', ...at },
  'below it': { is: 'marks', marks: { deliveredSeq: 4, readSeq: 4 } },
  delivery: { is: 'marks', marks: { deliveredSeq: 5, readSeq: 4 } },
  reading: { is: 'marks', marks: { deliveredSeq: 6, readSeq: 5 } },
  refused: { is: 'refused', reason },
  retried: { is: 'retried' },
  lost: { is: 'lost' },
} as const satisfies Record<string, MessageFact>;

const table: Record<MessageState['is'], Record<keyof typeof facts, MessageState['is']>> = {
  // biome-ignore format: a table
  pending:   { stored: 'stored',    'below it': 'pending',   delivery: 'pending',   reading: 'pending', refused: 'failed',    retried: 'pending',   lost: 'pending' },
  stored: {
    stored: 'stored',
    'below it': 'stored',
    delivery: 'delivered',
    reading: 'read',
    refused: 'stored',
    retried: 'stored',
    lost: 'pending',
  },
  delivered: {
    stored: 'delivered',
    'below it': 'delivered',
    delivery: 'delivered',
    reading: 'read',
    refused: 'delivered',
    retried: 'delivered',
    lost: 'pending',
  },
  read: {
    stored: 'read',
    'below it': 'read',
    delivery: 'read',
    reading: 'read',
    refused: 'read',
    retried: 'read',
    lost: 'pending',
  },
  failed: {
    stored: 'stored',
    'below it': 'failed',
    delivery: 'failed',
    reading: 'failed',
    refused: 'failed',
    retried: 'pending',
    lost: 'failed',
  },
};

for (const [from, row] of Object.entries(table)) {
  for (const [what, to] of Object.entries(row)) {
    test(`${from} and ${what} make ${to}`, () => {
      const state = Object.entries(states).find(([name]) => name === from)?.[1];
      const fact = Object.entries(facts).find(([name]) => name === what)?.[1];
      assert.ok(state && fact);
      const next = nextMessageState(state, fact);
      assert.equal(next.is, to);
      if ('seq' in next) assert.deepEqual({ seq: next.seq, sentAt: next.sentAt }, at);
    });
  }
}

test('being stored elsewhere, in a restored log, starts over from there', () => {
  const moved = nextMessageState(states.read, { is: 'stored', seq: 9, sentAt: at.sentAt });
  assert.deepEqual(moved, { is: 'stored', seq: 9, sentAt: at.sentAt });
});

test('marks in any order lead to the same state, and never back', () => {
  const rank = ['stored', 'delivered', 'read'];
  const mark = fc.record({ deliveredSeq: fc.nat(8), readSeq: fc.nat(8) });
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 8 }), (list) => {
      let state: MessageState = states.stored;
      for (const marks of list) {
        const next = nextMessageState(state, { is: 'marks', marks });
        assert.ok(rank.indexOf(next.is) >= rank.indexOf(state.is));
        state = next;
      }
      const read = list.some(({ readSeq }) => readSeq >= at.seq);
      const delivered = list.some(({ deliveredSeq }) => deliveredSeq >= at.seq);
      assert.equal(state.is, read ? 'read' : delivered ? 'delivered' : 'stored');
    }),
  );
});

test('a message counts as delivered when the slowest of the others has it', () => {
  const member = (userId: string, deliveredSeq: number, readSeq: number) => ({
    userId,
    username: userId,
    displayName: userId,
    deliveredSeq,
    readSeq,
  });
  const members = [member('me', 9, 9), member('ann', 7, 3), member('bob', 5, 5)];
  assert.deepEqual(marksOfOthers({ members }, 'me'), { deliveredSeq: 5, readSeq: 3 });
  assert.deepEqual(marksOfOthers({ members: [member('me', 9, 9)] }, 'me'), { deliveredSeq: 0, readSeq: 0 });
});
