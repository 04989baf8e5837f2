import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { systemClock } from '../clock.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { addPerson } from '../testing/people.ts';
import { createConversationStore } from './conversations.ts';
import { createExpiry, startExpiry } from './expiry.ts';
import { type Gate, openGate } from './gate.ts';
import { createLogStore } from './log.ts';
import type { Identity, SearchTags } from './store.ts';

let db: TestDatabase;
let gate: Gate;

before(async () => {
  db = await testDatabase();
  gate = openGate(db.url);
});

after(async () => {
  await gate.close();
  await db[Symbol.asyncDispose]();
});

const MINUTE = 60_000;
const DAY = 86_400_000;

/** A conversation whose entries are as old as it is told, in milliseconds; a negative age makes a commit. */
async function conversationOf(ages: readonly number[], expireAfterMs: number | null = null) {
  const [ada, bob] = await Promise.all([addPerson(db.sql), addPerson(db.sql)]);
  const { openDirect, update } = createConversationStore(gate);
  const opened = await openDirect(ada, bob.userId);
  assert.ok(opened.state === 'opened');
  const { conversationId } = opened;
  await db.sql`insert into conversation_log
    (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent, message_count, sent_at, digest, mls, content)
    select ${conversationId}, n, case when age < 0 then 2 else 1 end, ${ada.userId}, ${ada.deviceId}, gen_random_uuid(), 0, false,
      n, now() - abs(age) * interval '1 ms', '\\x00', '\\x0102', '\\x03'
    from unnest(${`{${ages.join()}}`}::text::bigint[]) with ordinality as t (age, n)`;
  await db.sql`update conversations set last_seq = ${ages.length}, message_count = ${ages.length} where id = ${conversationId}`;
  await update(ada, conversationId, { searchOnServer: undefined, expireAfterMs });
  return { ada, conversationId };
}

/** The seqs of a conversation whose ciphertext is still there. */
async function kept(conversationId: string): Promise<number[]> {
  const rows = await db.sql`select seq, content is not null as content from conversation_log
    where conversation_id = ${conversationId} and mls is not null order by seq`;
  for (const { content } of rows) assert.equal(content, true);
  return rows.map(({ seq }) => Number(seq));
}

const dueInMs = async (conversationId: string): Promise<number | undefined> => {
  const [row] = await db.sql`select extract(epoch from due_at - now()) * 1000 as ms from conversation_expiry
    where conversation_id = ${conversationId}`;
  return row === undefined ? undefined : Number(row.ms);
};

async function run(options: { retentionDays?: number; batch?: number } = {}): Promise<number> {
  await db.sql`delete from expiry_turn`;
  const expiry = createExpiry({ gate, clock: systemClock, retentionDays: options.retentionDays, ...options });
  let steps = 1;
  while ((await expiry.step()) === 'more') steps++;
  return steps;
}

const send = (who: Identity, conversationId: string, search?: SearchTags) =>
  createLogStore(gate).append(
    [
      {
        conversationId,
        sessionId: who.sessionId,
        clientId: randomUUID(),
        epoch: 0,
        silent: false,
        digest: Buffer.alloc(32, 1).toString('base64'),
        mls: 'AAAA',
        content: 'AAAA',
        wrap: undefined,
        search,
      },
    ],
    false,
  );

test('a conversation that wants it loses the ciphertext of old messages, and nothing else is touched', async () => {
  const ages = [-3 * MINUTE, 3 * MINUTE, 2 * MINUTE, -2 * MINUTE, 50_000, 0];
  const mine = await conversationOf(ages, MINUTE);
  const other = await conversationOf(ages);
  for (const { conversationId } of [mine, other])
    await db.sql`insert into message_search select ${conversationId}, seq, 1, '{1}' from unnest(array[2, 3, 5]) as t (seq)`;
  await run();
  assert.deepEqual(await kept(mine.conversationId), [1, 4, 5, 6], 'commits stay, and what is younger');
  assert.deepEqual(await kept(other.conversationId), [1, 2, 3, 4, 5, 6]);
  const rows = await db.sql`select seq, message_count, octet_length(digest) as digest, wrap from conversation_log
    where conversation_id = ${mine.conversationId} and mls is null order by seq`;
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [2, 3].map((seq) => ({ seq, messageCount: seq, digest: 1, wrap: null })),
  );
  const tags = await db.sql`select seq from message_search where conversation_id = ${mine.conversationId}`;
  assert.deepEqual(
    tags.map(({ seq }) => Number(seq)),
    [5],
    'search tags go with the message',
  );
  const [page] = await createLogStore(gate).entriesAfter(mine.conversationId, 1, 1, 1000);
  assert.equal(JSON.parse(page?.frame ?? '').body.deleted, true);
  const due = await dueInMs(mine.conversationId);
  assert.ok(due !== undefined && due > 0 && due <= 10_000, `looked at again when the next one is due: ${due}`);
  assert.equal(await dueInMs(other.conversationId), undefined);
});

test('what is sent later is dropped in its time', async () => {
  const { ada, conversationId } = await conversationOf([2 * MINUTE], MINUTE);
  await run();
  await send(ada, conversationId);
  await run();
  assert.deepEqual(await kept(conversationId), [2]);
  await db.sql`update conversation_log set sent_at = now() - interval '61 s' where conversation_id = ${conversationId} and seq = 2`;
  await db.sql`update conversation_expiry set due_at = due_at - interval '61 s' where conversation_id = ${conversationId}`;
  await run();
  assert.deepEqual(await kept(conversationId), []);
});

test('a shorter time counts at once, a longer one brings nothing back, and none ends it', async () => {
  const { ada, conversationId } = await conversationOf([3 * DAY, 2 * DAY, DAY, 0], 10 * DAY);
  const { update } = createConversationStore(gate);
  const set = (expireAfterMs: number | null) =>
    update(ada, conversationId, { searchOnServer: undefined, expireAfterMs });
  await run();
  assert.deepEqual(await kept(conversationId), [1, 2, 3, 4]);
  await set(2.5 * DAY);
  await run();
  assert.deepEqual(await kept(conversationId), [2, 3, 4]);
  await set(5 * DAY);
  await run();
  assert.deepEqual(await kept(conversationId), [2, 3, 4]);
  const due = await dueInMs(conversationId);
  assert.ok(due !== undefined && Math.abs(due - 3 * DAY) < MINUTE, String(due));
  await set(null);
  await db.sql`update conversation_expiry set due_at = now() where conversation_id = ${conversationId}`;
  await run();
  assert.deepEqual(await kept(conversationId), [2, 3, 4]);
  assert.equal(await dueInMs(conversationId), undefined);
});

test("the operator's limit holds for all conversations, and the shorter of two limits counts", async () => {
  const ages = [40 * DAY, 20 * DAY, 5 * DAY];
  const plain = await conversationOf(ages);
  const shorter = await conversationOf(ages, 10 * DAY);
  const longer = await conversationOf(ages, 100 * DAY);
  await run({ retentionDays: 30 });
  assert.deepEqual(await kept(plain.conversationId), [2, 3]);
  assert.deepEqual(await kept(shorter.conversationId), [3]);
  assert.deepEqual(await kept(longer.conversationId), [2, 3]);
  await run({ retentionDays: 15 });
  assert.deepEqual(await kept(plain.conversationId), [3], 'a limit that was lowered counts at the next start');
  assert.deepEqual(await kept(longer.conversationId), [3]);
  await run({ retentionDays: 4 });
  for (const { conversationId } of [plain, shorter, longer]) assert.deepEqual(await kept(conversationId), []);
});

test('much is dropped in small batches, without a look at the rest of the log and without holding up a sender', async () => {
  const { ada, conversationId } = await conversationOf([], MINUTE);
  await db.sql`insert into conversation_log
    (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent, message_count, sent_at, digest, mls, content)
    select ${conversationId}, n, 1, ${ada.userId}, ${ada.deviceId}, gen_random_uuid(), 0, false, n,
      now() - (5000 - n) * interval '1 s', '\\x00', '\\x01', '\\x02' from generate_series(1, 4000) n`;
  await db.sql`update conversations set last_seq = 4000, message_count = 4000 where id = ${conversationId}`;
  await db.sql`delete from conversation_expiry where conversation_id <> ${conversationId}`;
  await db.sql`update conversation_expiry set due_at = now()`;
  await db.sql`delete from expiry_turn`;
  await db.sql.begin(async (tx) => {
    const [first] = await tx`select * from expire_messages(${randomUUID()}, null, 500)`;
    assert.deepEqual({ ...first }, { state: 'more', looked: 500, dropped: 500 });
    const [reads] =
      await tx`select seq_scan, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'conversation_log'`;
    assert.equal(Number(reads?.seqScan), 0);
    assert.ok(Number(reads?.idxTupFetch) < 2_000, `${reads?.idxTupFetch} rows were read for a batch of 500`);
    // While the batch is not committed yet, sending goes on.
    const { verdicts } = await send(ada, conversationId);
    assert.equal(verdicts[0]?.state, 'stored');
  });
  assert.equal((await kept(conversationId)).length, 3_501);
  assert.equal(await run({ batch: 1_000 }), 4);
  assert.deepEqual(await kept(conversationId), [4_001]);
});

test('one server does it at a time, and another takes over when it is gone', async () => {
  await db.sql`delete from expiry_turn`;
  const [first, second] = [1, 2].map(() => createExpiry({ gate, clock: systemClock, retentionDays: undefined }));
  assert.equal(await first?.step(), 'done');
  assert.equal(await second?.step(), 'busy');
  assert.equal(await first?.step(), 'done');
  await db.sql`update expiry_turn set until = now() - interval '1 s'`;
  assert.equal(await second?.step(), 'done');
  assert.equal(await first?.step(), 'busy');
});

test('a running server goes on while there is more, rests between, and looks again later', async () => {
  await db.sql`delete from expiry_turn`;
  const { conversationId } = await conversationOf(
    Array.from({ length: 1_100 }, (_, i) => 2 * DAY - i),
    DAY,
  );
  const rests: number[] = [];
  let wake: (() => void) | undefined;
  let woken = new Promise<void>((resolve) => (wake = resolve));
  let now = 0;
  const pending: (() => void)[] = [];
  const clock = {
    now: () => (now += 50),
    after(ms: number, call: () => void) {
      rests.push(ms);
      pending.push(call);
      wake?.();
      return () => {};
    },
    soon: setImmediate,
  };
  let dropped = 0;
  const stop = startExpiry({
    gate,
    clock,
    retentionDays: undefined,
    dropped(messages) {
      dropped += messages;
    },
    failed: (error) => assert.fail(String(error)),
  });
  while (rests.length < 4) {
    woken = new Promise<void>((resolve) => (wake = resolve));
    pending.shift()?.();
    await woken;
  }
  stop();
  // 1,100 entries are three batches; each took 50 ms by this clock.
  assert.deepEqual(rests, [10_000, 200, 200, 10_000]);
  assert.equal(dropped, 1_100);
  assert.deepEqual(await kept(conversationId), []);
});

test('sending, deleting, expiring and changing one’s mind at once end in a log without gaps and tags only of what is there', async () => {
  const { ada, conversationId } = await conversationOf(Array(60).fill(2 * MINUTE), MINUTE);
  const log = createLogStore(gate);
  const { update } = createConversationStore(gate);
  const tags = { v: 1, tags: Array.from({ length: 8 }, (_, i) => `A${i}AAAAAAAAA`) };
  const servers = [1, 2].map(() => createExpiry({ gate, clock: systemClock, retentionDays: 1, batch: 7 }));
  const work: Record<string, (i: number) => Promise<unknown>> = {
    async send() {
      // With tags if the members agree just now; again while somebody else writes the conversation.
      for (let state: string | undefined; state !== 'stored'; )
        state = (await send(ada, conversationId, state === 'search_refused' ? undefined : tags)).verdicts[0]?.state;
    },
    remove: (i) => log.deleteMessage(ada, conversationId, 1 + ((i * 7) % 60)),
    expire: async (i) => {
      await db.sql`update expiry_turn set until = now() - interval '1 s'`;
      await servers[i % 2]?.step();
    },
    agree: (i) =>
      update(ada, conversationId, { searchOnServer: i % 2 === 0, expireAfterMs: i % 3 === 0 ? null : MINUTE + i }),
  };
  await Promise.all(
    Object.values(work).map(async (each) => {
      for (let i = 0; i < 40; i++) await each(i);
    }),
  );
  const rows = await db.sql`select seq from conversation_log where conversation_id = ${conversationId} order by seq`;
  assert.deepEqual(
    rows.map(({ seq }) => Number(seq)),
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
  await update(ada, conversationId, { searchOnServer: undefined, expireAfterMs: MINUTE });
  await db.sql`update conversation_log set sent_at = now() - interval '1 h' where conversation_id = ${conversationId}`;
  await run();
  assert.deepEqual(await kept(conversationId), []);
  assert.equal((await db.sql`select from message_search where conversation_id = ${conversationId}`).length, 0);
});
