import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { MAX_SEARCH_KEYS } from '../../protocol/message.ts';
import { logsParameters } from '../../sql/queries/instance.queries.ts';
import { type Gate, openGate } from '../store/gate.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { Refused, startMessaging, type TestClient } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

let db: TestDatabase;
let server: ReturnType<typeof startMessaging>;

before(async () => {
  db = await testDatabase();
  server = startMessaging({ url: db.url, limitFactor: 1000 });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
});

/** What a device makes of a word; the server needs no key to be tested. */
const tagOf = (word: string): string => createHash('sha256').update(word).digest().subarray(0, 8).toString('base64url');

/** In the order of their bytes, filled up to a multiple of 8. */
function tagsOf(words: readonly string[]): string[] {
  const filling = Array.from({ length: -words.length & 7 || (words.length === 0 ? 8 : 0) }, () => randomUUID());
  const tags = [...new Set([...words, ...filling])].map((word) => Buffer.from(tagOf(word), 'base64url'));
  return tags.sort(Buffer.compare).map((tag) => tag.toString('base64url'));
}

const key = (v: number, ...words: string[]) => ({ v, tags: words.map(tagOf) });

function send(client: TestClient, conversationId: string, words?: readonly string[], v = 1, clientId = randomUUID()) {
  const search = words && { search: { v, tags: tagsOf(words) } };
  return client.request('message.send', { conversationId, clientId, epoch: 0, mls: 'AAAA', ...search });
}

async function pair(searchOnServer = true) {
  const [ada, bob] = await Promise.all([addPerson(db.sql), addPerson(db.sql)]);
  const [a, b] = await Promise.all([server.connect(ada), server.connect(bob)]);
  const conversationId = (await a.request('conversation.open', { userId: bob.userId })).conversation.id;
  if (searchOnServer) await a.request('conversation.update', { conversationId, searchOnServer });
  return { ada, bob, a, b, conversationId };
}

const refusal = (code: string, details?: object) => (error: unknown) => {
  assert.ok(error instanceof Refused, String(error));
  assert.equal(error.code, code);
  if (details !== undefined) assert.deepEqual(error.details, details);
  return true;
};

const seqs = (answer: { matches: readonly { seq: number }[] }): number[] => answer.matches.map(({ seq }) => seq);

const stored = async (conversationId: string) =>
  (
    await db.sql`select seq, v, cardinality(tags) as count from message_search where conversation_id = ${conversationId} order by seq`
  ).map(({ seq, v, count }) => [seq, v, count]);

test('tags are kept where the members agreed to it, and refused elsewhere without a trace', async () => {
  const { a, b, conversationId } = await pair(false);
  await send(a, conversationId);
  await assert.rejects(send(a, conversationId, ['oak']), refusal('conflict', { field: 'search' }));
  const seen = await a.request('conversation.get', { conversationId });
  assert.equal(seen.conversation.lastSeq, 1);
  await b.request('conversation.update', { conversationId, searchOnServer: true });
  assert.equal((await send(a, conversationId, ['oak'])).seq, 2);
  await assert.rejects(
    send(a, conversationId, ['oak'], 193),
    refusal('conflict', { field: 'search', maxVersion: 192 }),
    'no device has such a key after two entries',
  );
  // Together in one batch, those without tags and those of the other conversation are not touched by it.
  const other = await pair(false);
  const answers = await Promise.allSettled([
    send(a, conversationId, ['oak', 'elm'], 2),
    send(a, conversationId),
    send(other.a, other.conversationId, ['oak']),
    send(other.a, other.conversationId),
    send(
      b,
      conversationId,
      Array.from({ length: 60 }, (_, n) => `w${n}`),
    ),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status[0]),
    ['f', 'f', 'r', 'f', 'f'],
  );
  assert.deepEqual(await stored(conversationId), [
    [2, 1, 8],
    [3, 2, 8],
    [5, 1, 64],
  ]);
  assert.deepEqual(await stored(other.conversationId), []);
  await a.request('conversation.update', { conversationId, searchOnServer: false });
  assert.deepEqual(await stored(conversationId), [], 'switching it off drops them');
  assert.deepEqual(await stored(other.conversationId), []);
});

test('a retry of a message with tags answers its seq, also when the members have changed their minds', async () => {
  const { a, conversationId } = await pair();
  const clientId = randomUUID();
  const search = { v: 1, tags: tagsOf(['oak']) };
  const body = { conversationId, clientId, epoch: 0, mls: 'AAAA', search };
  assert.equal((await a.request('message.send', body)).duplicate, false);
  assert.equal((await a.request('message.send', body)).duplicate, true);
  assert.deepEqual(await stored(conversationId), [[1, 1, 8]]);
  await a.request('conversation.update', { conversationId, searchOnServer: false });
  assert.equal((await a.request('message.send', body)).duplicate, true);
  const { search: _, ...without } = body;
  await assert.rejects(a.request('message.send', without), refusal('idempotency_conflict'));
});

test('all tags of one key must be there under its version, and one of several keys is enough', async () => {
  const { a, b, conversationId } = await pair();
  await send(a, conversationId, ['red', 'oak']);
  await send(b, conversationId, ['red', 'elm']);
  await send(a, conversationId, ['oak'], 2);
  await send(a, conversationId);
  const find = async (...keys: { v: number; tags: string[] }[]) =>
    seqs(await b.request('message.search', { queries: [{ conversationId, keys }] }));
  assert.deepEqual(await find(key(1, 'red')), [2, 1]);
  assert.deepEqual(await find(key(1, 'oak', 'red')), [1]);
  assert.deepEqual(await find(key(1, 'oak', 'elm')), []);
  assert.deepEqual(await find(key(2, 'oak')), [3]);
  assert.deepEqual(await find(key(2, 'red')), []);
  assert.deepEqual(await find(key(1, 'oak'), key(2, 'oak'), key(1, 'red', 'oak')), [3, 1], 'each once');
  assert.deepEqual(await find(key(9, 'oak')), [], 'nothing was ever made with that version');
});

test('whatever is searched for, the log and a walk through it agree', async () => {
  const { ada, bob, a, b, conversationId } = await pair();
  const vocabulary = ['a', 'b', 'c', 'd', 'e', 'f'];
  const said: { seq: number; words: string[]; v: number; senderId: string; sentAt: string }[] = [];
  for (let n = 0; n < 160; n += 1) {
    const words = vocabulary.filter((_, i) => (n * 7 + i * i) % (i + 2) === 0);
    const v = n < 60 ? 1 : 2;
    const { seq, sentAt } = await send(n % 3 === 0 ? b : a, conversationId, n % 5 === 4 ? undefined : words, v);
    const senderId = n % 3 === 0 ? bob.userId : ada.userId;
    said.push({ seq, words: n % 5 === 4 ? [] : words, v, senderId, sentAt });
  }
  // So long ago that the index has to be asked, and not only the newest entries looked through.
  await db.sql`select gin_clean_pending_list('message_search_tags')`;
  const times = said.map(({ sentAt }) => sentAt);
  const query = fc.record(
    {
      keys: fc.array(fc.record({ v: fc.constantFrom(1, 2), words: fc.subarray(vocabulary, { minLength: 1 }) }), {
        minLength: 1,
        maxLength: 3,
      }),
      senderId: fc.constantFrom(ada.userId, bob.userId),
      sentFrom: fc.constantFrom('2020-01-01T00:00:00.000Z', ...times, '2090-01-01T00:00:00.000Z'),
      sentBefore: fc.constantFrom('2020-01-01T00:00:00.000Z', ...times, '2090-01-01T00:00:00.000Z'),
      before: fc.integer({ min: 1, max: 200 }),
    },
    { requiredKeys: [] },
  );
  await fc.assert(
    fc.asyncProperty(query, fc.constantFrom(1, 2, 3, 9, 200), async ({ keys, ...rest }, limit) => {
      const expected = said
        .filter(({ seq, words, v, senderId, sentAt }) => {
          if (keys?.some((each) => each.v === v && each.words.every((word) => words.includes(word))) === false)
            return false;
          if (rest.senderId !== undefined && rest.senderId !== senderId) return false;
          if (rest.sentFrom !== undefined && sentAt < rest.sentFrom) return false;
          if (rest.sentBefore !== undefined && sentAt >= rest.sentBefore) return false;
          return rest.before === undefined || seq < rest.before;
        })
        .map(({ seq }) => seq)
        .reverse();
      const asked = { conversationId, ...rest, ...(keys && { keys: keys.map(({ v, words }) => key(v, ...words)) }) };
      const answer = await a.request('message.search', { queries: [asked], limit });
      assert.deepEqual(seqs(answer), expected.slice(0, limit));
      assert.equal(answer.more, expected.length > limit);
      const next = answer.next?.map(({ before }) => before);
      assert.deepEqual(next, expected.length > limit ? [expected[limit - 1]] : undefined);
    }),
    { numRuns: 80 },
  );
});

test('a word that is rare is found below the newest entries, too, and each message once', async () => {
  const { a, conversationId } = await pair();
  for (let n = 1; n <= 120; n += 1) await send(a, conversationId, [10, 12, 100, 118].includes(n) ? ['oak'] : ['elm']);
  const queries = [{ conversationId, keys: [key(1, 'oak')] }];
  const first = await a.request('message.search', { queries, limit: 3 });
  assert.deepEqual([seqs(first), first.next], [[118, 100, 12], [{ conversationId, before: 12 }]]);
  assert.deepEqual(
    seqs(await a.request('message.search', { queries: [{ conversationId, keys: [key(1, 'oak')], before: 12 }] })),
    [10],
  );
});

test('several conversations are searched at once, the newest messages of all of them first, and page by page', async () => {
  const rooms = [await pair(), await pair(false)];
  const [first, second] = rooms.map(({ conversationId }) => conversationId) as [string, string];
  const [{ ada, a }] = rooms as [(typeof rooms)[0]];
  await db.sql`insert into conversation_participants (conversation_id, user_id) values (${second}, ${ada.userId})`;
  const order: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    const at = n % 3 === 0 ? second : first;
    const { seq } = await send(a, at, at === first ? ['oak'] : undefined);
    order.unshift(`${at === first ? 1 : 2}:${seq}`);
    // Entries of one millisecond have no order among conversations.
    await db.sql`update conversation_log set sent_at = ${new Date(Date.UTC(2026, 0, 1) + n)} where conversation_id = ${at} and seq = ${seq}`;
  }
  let queries: { conversationId: string; before?: number | undefined; keys?: { v: number; tags: string[] }[] }[] = [
    { conversationId: first, keys: [key(1, 'oak')] },
    { conversationId: second },
  ];
  const seen: string[] = [];
  for (let more = true; more; ) {
    const answer = await a.request('message.search', { queries, limit: 5 });
    seen.push(...answer.matches.map(({ conversationId, seq }) => `${conversationId === first ? 1 : 2}:${seq}`));
    queries = queries.flatMap((query) => {
      const next = answer.next?.find(({ conversationId }) => conversationId === query.conversationId);
      return next === undefined ? [] : [{ ...query, ...next }];
    });
    more = answer.more;
    assert.equal(more, queries.length > 0);
  }
  assert.deepEqual(seen, order);
});

test('what came before one joined, a conversation one left or is not in, and an ended session find nothing', async () => {
  const { ada, bob, a, b, conversationId } = await pair();
  for (let n = 0; n < 4; n += 1) await send(a, conversationId, ['oak']);
  const queries = [{ conversationId, keys: [key(1, 'oak')] }];
  const find = async (client: TestClient, asked: typeof queries | { conversationId: string }[] = queries) =>
    seqs(await client.request('message.search', { queries: asked }));
  await db.sql`update conversation_participants set joined_seq = 2 where conversation_id = ${conversationId} and user_id = ${bob.userId}`;
  assert.deepEqual(await find(b), [4, 3]);
  assert.deepEqual(await find(b, [{ conversationId }]), [4, 3]);
  assert.deepEqual(await find(a), [4, 3, 2, 1]);
  const eve = await server.connect(await addPerson(db.sql));
  await assert.rejects(find(eve), refusal('not_found', { conversationId }));
  const nowhere = randomUUID();
  await assert.rejects(
    find(a, [...queries, { conversationId: nowhere }]),
    refusal('not_found', { conversationId: nowhere }),
  );
  const closed = await pair(false);
  await assert.rejects(
    find(closed.a, [{ conversationId: closed.conversationId, keys: [key(1, 'oak')] } as never]),
    refusal('conflict', { field: 'searchOnServer', conversationId: closed.conversationId }),
  );
  await db.sql`update conversation_participants set left_at = now() where conversation_id = ${conversationId} and user_id = ${bob.userId}`;
  await assert.rejects(find(b), refusal('not_found', { conversationId }));
  await db.sql`update sessions set ended_at = now(), ended_reason = 'revoked' where id = ${ada.sessionId}`;
  await assert.rejects(find(a), refusal('unauthenticated'));
});

test('a message that was deleted or has expired is not found, and its tags are gone', async () => {
  const { ada, a, b, conversationId } = await pair();
  for (let n = 0; n < 4; n += 1) await send(a, conversationId, ['oak']);
  const find = async () =>
    Promise.all(
      [{ keys: [key(1, 'oak')] }, { senderId: ada.userId }].map(async (what) =>
        seqs(await b.request('message.search', { queries: [{ conversationId, ...what }] })),
      ),
    );
  await a.request('message.delete', { conversationId, seq: 3 });
  assert.deepEqual(await find(), [
    [4, 2, 1],
    [4, 2, 1],
  ]);
  await db.sql`update conversation_log set sent_at = sent_at - interval '1 hour' where conversation_id = ${conversationId} and seq = 1`;
  await a.request('conversation.update', { conversationId, expireAfterMs: 1_800_000 });
  await db.sql`select expire_messages(gen_random_uuid(), null, 1000)`;
  assert.deepEqual(await find(), [
    [4, 2],
    [4, 2],
  ]);
  assert.deepEqual(
    (await stored(conversationId)).map(([seq]) => seq),
    [2, 4],
  );
});

test('a search by sender walks a bounded part of a long log, and says from where to go on', async () => {
  const { ada, bob, a, conversationId } = await pair(false);
  await send(a, conversationId);
  await db.sql`
    insert into conversation_log (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent,
      message_count, sent_at, digest, mls)
    select conversation_id, n, 1, ${bob.userId}, sender_device_id, gen_random_uuid(), 0, false, n, sent_at, digest, mls
    from conversation_log, generate_series(2, 60000) n where conversation_id = ${conversationId}`;
  await db.sql`update conversations set last_seq = 60000, message_count = 60000 where id = ${conversationId}`;
  const query = { conversationId, senderId: ada.userId };
  const answer = await a.request('message.search', { queries: [query] });
  assert.deepEqual(answer, { matches: [], more: true, next: [{ conversationId, before: 10_001 }] });
  const rest = await a.request('message.search', { queries: [{ ...query, before: 10_001 }] });
  assert.deepEqual(rest, { matches: [{ conversationId, seq: 1 }], more: false });
});

test('tags and queries that are not well formed are refused by the name of the field, and nothing is stored', async () => {
  const { a, conversationId } = await pair();
  const good = tagsOf(['oak']);
  const clientId = randomUUID();
  const wrong: Record<string, unknown> = {
    'a short tag': { v: 1, tags: [...good.slice(0, 7), 'AAAA'] },
    'nine tags': { v: 1, tags: tagsOf(Array.from({ length: 9 }, (_, n) => `${n}`)).slice(0, 9) },
    'no tags': { v: 1, tags: [] },
    '72 tags': { v: 1, tags: tagsOf(Array.from({ length: 72 }, (_, n) => `${n}`)) },
    unsorted: { v: 1, tags: [...good].reverse() },
    'a tag twice': { v: 1, tags: [good[0], good[0], ...good.slice(2)] },
    'version 0': { v: 0, tags: good },
    'a version beyond 32 bits': { v: 2 ** 31, tags: good },
    'half a version': { v: 1.5, tags: good },
    'no version': { tags: good },
  };
  for (const [what, search] of Object.entries(wrong)) {
    const body = { conversationId, clientId, epoch: 0, mls: 'AAAA', search: search as never };
    await assert.rejects(a.request('message.send', body), refusal('bad_request'), what);
  }
  const oak = key(1, 'oak');
  const long = (length: number) => Array.from({ length }, () => oak);
  const queries: Record<string, unknown> = {
    none: [],
    '101': Array.from({ length: 101 }, () => ({ conversationId: randomUUID() })),
    'a conversation twice': [{ conversationId }, { conversationId }],
    '33 keys': [{ conversationId, keys: long(33) }],
    'no key': [{ conversationId, keys: [] }],
    'too many keys together': Array.from({ length: Math.ceil((MAX_SEARCH_KEYS + 1) / 32) }, () => ({
      conversationId: randomUUID(),
      keys: long(32),
    })),
    'nine words': [{ conversationId, keys: [key(1, ...'abcdefghi')] }],
    'no word': [{ conversationId, keys: [{ v: 1, tags: [] }] }],
    'a short tag': [{ conversationId, keys: [{ v: 1, tags: ['AAAA'] }] }],
    'no time': [{ conversationId, sentFrom: 'yesterday' }],
    'a leap second': [{ conversationId, sentBefore: '2026-11-01T23:59:60Z' }],
    'seq 0': [{ conversationId, before: 0 }],
    'no conversation': [{ keys: [oak] }],
  };
  for (const [what, given] of Object.entries(queries)) {
    await assert.rejects(a.request('message.search', { queries: given as never }), refusal('bad_request'), what);
  }
  await assert.rejects(
    a.request('message.search', { queries: [{ conversationId }], limit: 201 }),
    refusal('bad_request'),
  );
  assert.equal((await a.request('conversation.get', { conversationId })).conversation.lastSeq, 0);
  assert.deepEqual(await stored(conversationId), []);
  const extremes = ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999+23:59', '2026-02-31T00:00:00Z'];
  for (const time of extremes)
    await a.request('message.search', { queries: [{ conversationId, sentFrom: time, sentBefore: time }] });
});

test('an account has so many keys a minute, however they are spread over requests', async () => {
  await using few = startMessaging({ url: db.url, limitFactor: 0.02 });
  const { ada, conversationId } = await pair();
  const a = await few.connect(ada);
  const search = (keys: number) =>
    a.request('message.search', {
      queries: [{ conversationId, keys: Array.from({ length: keys }, () => key(1, 'oak')) }],
    });
  for (let n = 0; n < 4; n += 1) await search(30);
  await assert.rejects(search(1), refusal('rate_limited', { bucket: 'search' }));
});

test('searches that PostgreSQL has no time for are unavailable, and hold nobody else up', async () => {
  const { ada, a, conversationId } = await pair();
  await send(a, conversationId, ['oak']);
  await db.sql.begin(async (tx) => {
    await tx`lock table message_search in access exclusive mode`;
    const stuck = [1, 2].map(() =>
      a.request('message.search', { queries: [{ conversationId, keys: [key(1, 'oak')] }] }),
    );
    const others = Promise.allSettled(stuck);
    assert.equal((await send(a, conversationId)).seq, 2);
    assert.equal((await a.request('message.history', { conversationId })).messages.length, 2);
    for (const answer of await others) {
      assert.equal(answer.status, 'rejected');
      refusal('unavailable')(answer.status === 'rejected' && answer.reason);
    }
  });
  assert.ok(ada.userId);
  assert.deepEqual(
    seqs(await a.request('message.search', { queries: [{ conversationId, keys: [key(1, 'oak')] }] })),
    [1],
  );
});

test('PostgreSQL is not to log what is searched for, and it is noticed where it does', async () => {
  const asked = async () => {
    await using gate = await opened(db.url);
    const [shown] = await gate.run('search', (sql) => sql`show log_parameter_max_length_on_error`);
    assert.deepEqual({ ...shown }, { logParameterMaxLengthOnError: '0' });
    return (await gate.run('read', (sql) => logsParameters.run(undefined, sql)))[0]?.logs;
  };
  const setting = (text: string) => db.sql.unsafe(`alter database ${new URL(db.url).pathname.slice(1)} set ${text}`);
  assert.equal(await asked(), false);
  await setting('log_min_duration_statement = 100000');
  assert.equal(await asked(), true);
  await setting('log_parameter_max_length = 0');
  assert.equal(await asked(), false);
});

async function opened(url: string): Promise<Gate & AsyncDisposable> {
  const gate = openGate(url);
  return { ...gate, [Symbol.asyncDispose]: () => gate.close() };
}
