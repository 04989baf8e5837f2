import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Conversation } from '../protocol/index.ts';
import { Conversations } from './conversations.ts';
import { keys } from './records.ts';
import { memoryStore } from './store.ts';
import { SimClock } from './testing/sim-clock.ts';

const [ME, OTHER, ROOM] = [1, 2, 3].map((n) => `00000000-0000-4000-8000-00000000000${n}`) as [string, string, string];
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

function told(): Conversation {
  const members = [ME, OTHER].map((userId) => ({
    userId,
    username: `user${userId.slice(-1)}`,
    displayName: 'x',
    deliveredSeq: 0,
    readSeq: 0,
  }));
  const own = { lastSeq: 0, epoch: 0, readSeq: 0, unread: 0, accepted: false, lastAt: at(0) };
  return { id: ROOM, kind: 'direct', members, ...own, searchOnServer: false, expireAfterMs: null };
}

async function setUp() {
  const inner = memoryStore();
  let writes = 0;
  const write: typeof inner.write = (changes) => {
    writes += 1;
    return inner.write(changes);
  };
  const clock = new SimClock();
  const make = async () => {
    const made = new Conversations({
      store: { ...inner, write },
      clock,
      list: () => Promise.reject(new Error('offline')),
      get: () => Promise.reject(new Error('offline')),
      onChange: () => undefined,
      onProblem: (problem) => assert.fail(String(problem)),
    });
    await made.load(ME);
    return made;
  };
  const conversations = await make();
  conversations.put(told());
  const say = (senderId: string, seq: number) =>
    conversations.sent({ conversationId: ROOM, senderId, seq, sentAt: at(seq) });
  const look = () => {
    const known = conversations.get(ROOM);
    return [known?.unread, known?.readSeq, known?.accepted, known?.lastSeq];
  };
  return { inner, clock, make, conversations, say, look, writes: () => writes };
}

test('an answer of one’s own has read what came before, and accepts the conversation', async () => {
  const { say, look } = await setUp();
  for (const seq of [1, 2, 3]) say(OTHER, seq);
  assert.deepEqual(look(), [3, 0, false, 3]);
  say(ME, 4);
  assert.deepEqual(look(), [0, 4, true, 4]);
  say(OTHER, 5);
  assert.deepEqual(look(), [1, 4, true, 5]);
  say(ME, 4);
  assert.deepEqual(look(), [1, 4, true, 5], 'one that comes again, or late, has not read what is newer');
});

test('what messages and receipts change is kept, many changes by one write, and the rest when the client closes', async () => {
  const { inner, clock, make, conversations, say, writes } = await setUp();
  for (let seq = 1; seq <= 50; seq += 1) say(OTHER, seq);
  await clock.advance(1_000);
  assert.ok(writes() <= 2, `${writes()} writes`);
  const later = await make();
  assert.deepEqual([later.get(ROOM)?.lastSeq, later.get(ROOM)?.unread, later.get(ROOM)?.lastAt], [50, 50, at(50)]);
  const receipt = { conversationId: ROOM, userId: ME, deliveredSeq: 50, readSeq: 50, unread: 0 };
  conversations.take({ type: 'receipt.changed', body: receipt });
  await conversations.close();
  assert.equal((await make()).get(ROOM)?.unread, 0);
  say(OTHER, 51);
  assert.equal(clock.pending, 0, 'nothing is left to be done');
  assert.equal((await inner.list({ prefix: keys.conversations })).length, 1);
});
