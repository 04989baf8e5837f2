import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { systemClock } from '../clock.ts';
import { openGate } from '../store/gate.ts';
import { createLogStore } from '../store/log.ts';
import type { Identity, LogStore, NewMessage, Verdict } from '../store/store.ts';
import { testDatabase } from '../testing/database.ts';
import { addPerson } from '../testing/people.ts';
import { createAppender, type Outcome, type Send } from './append.ts';

class Away extends Error {}

interface Call {
  readonly messages: readonly NewMessage[];
  readonly wait: boolean;
  /** Gives each message the next seq of its conversation, or what `verdict` says. */
  answer(verdict?: (message: NewMessage) => Verdict | undefined): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** An appender over a store that answers when the test says so. */
function scripted() {
  const calls: Call[] = [];
  const heads = new Map<string, number>();
  const store: Pick<LogStore, 'append'> = {
    append: (messages, wait) =>
      new Promise((resolve, reject) => {
        calls.push({
          messages,
          wait,
          async answer(verdict = () => undefined) {
            const verdicts = messages.map((message): Verdict => {
              const given = verdict(message);
              if (given !== undefined) return given;
              const seq = (heads.get(message.conversationId) ?? 0) + 1;
              heads.set(message.conversationId, seq);
              return { state: 'stored', seq, sentAt: 0 };
            });
            resolve({ verdicts, members: new Map() });
            await turn();
            await turn();
          },
          async fail(error) {
            reject(error);
            await turn();
            await turn();
          },
        });
      }),
  };
  const appender = createAppender({ store, clock: systemClock, isUnavailable: (error) => error instanceof Away });
  const outcomes: [string, Outcome['state'], number?][] = [];
  const send = (conversationId: string, clientId: string, mls = 'AAAA'): void =>
    appender.append(
      newSend(conversationId, clientId, mls, (outcome) => {
        outcomes.push('seq' in outcome ? [clientId, outcome.state, outcome.seq] : [clientId, outcome.state]);
      }),
    );
  const ids = (call: Call | undefined): string[] => call?.messages.map(({ clientId }) => clientId) ?? [];
  return { calls, appender, outcomes, send, ids };
}

function newSend(conversationId: string, clientId: string, mls: string, done: Send['done']): Send {
  return {
    conversationId,
    clientId,
    mls,
    sessionId: 's',
    deviceId: 'd',
    owner: clientId,
    epoch: 0,
    silent: false,
    digest: '',
    content: undefined,
    wrap: undefined,
    search: undefined,
    done,
  };
}

test('one account cannot take the room in which all sends wait, and gets its own back', async () => {
  const { calls, appender } = scripted();
  const refused = new Map<string, number>();
  const mls = 'A'.repeat(100_000);
  const send = (owner: string, n: number): void =>
    appender.append({
      ...newSend(`${owner}${n % 6}`, `${owner}${n}`, mls, (outcome) => {
        if (outcome.state === 'unavailable') refused.set(owner, (refused.get(owner) ?? 0) + 1);
      }),
      owner,
    });
  for (let n = 0; n < 1_000; n += 1) send('flooder', n);
  assert.ok((refused.get('flooder') ?? 0) > 800, 'the rest is refused at once');
  const before = refused.get('flooder');
  for (let n = 0; n < 50; n += 1) send('other', n);
  assert.equal(refused.get('other'), undefined);
  await turn();
  for (let call = calls.shift(); call !== undefined; call = calls.shift()) await call.answer();
  await appender.idle();
  for (let n = 1_000; n < 1_050; n += 1) send('flooder', n);
  assert.equal(refused.get('flooder'), before, 'what was stored takes no room any more');
  await turn();
  for (let call = calls.shift(); call !== undefined; call = calls.shift()) await call.answer();
  await appender.idle();
});

test('what follows a send for which there was no room is refused like it, until there is room again', async () => {
  const { calls, appender } = scripted();
  const outcomes: string[] = [];
  const send = (id: string, size: number): void =>
    appender.append({
      ...newSend('x', id, 'A'.repeat(size), ({ state }) => void outcomes.push(`${id} ${state}`)),
      owner: 'ada',
    });
  send('first', 11 * 2 ** 20);
  send('large', 2 ** 21);
  send('small', 1);
  assert.deepEqual(outcomes, ['large unavailable', 'small unavailable']);
  await turn();
  for (let call = calls.shift(); call !== undefined; call = calls.shift()) await call.answer();
  await appender.idle();
  send('large', 2 ** 21);
  send('small', 1);
  await turn();
  for (let call = calls.shift(); call !== undefined; call = calls.shift()) await call.answer();
  await appender.idle();
  assert.deepEqual(outcomes.slice(2), ['first stored', 'large stored', 'small stored']);
});

test('what arrives while a conversation is in a batch waits for the next one, in order', async () => {
  const { calls, outcomes, send, ids, appender } = scripted();
  send('x', 'x1');
  send('x', 'x2');
  await turn();
  send('x', 'x3');
  send('y', 'y1');
  await turn();
  // The second lane takes the other conversation only.
  assert.deepEqual(calls.map(ids), [['x1', 'x2'], ['y1']]);
  send('x', 'x4');
  send('z', 'z1');
  await turn();
  assert.equal(calls.length, 2);
  await calls[1]?.answer();
  assert.deepEqual(ids(calls[2]), ['z1']);
  await calls[0]?.answer();
  assert.deepEqual(ids(calls[3]), ['x3', 'x4']);
  await calls[2]?.answer();
  await calls[3]?.answer();
  await appender.idle();
  const ofX = outcomes.filter(([id]) => id.startsWith('x'));
  assert.deepEqual(ofX, [
    ['x1', 'stored', 1],
    ['x2', 'stored', 2],
    ['x3', 'stored', 3],
    ['x4', 'stored', 4],
  ]);
  assert.equal(appender.waiting, 0);
});

test('a copy of a client id waits for the next batch, and what follows it too', async () => {
  const { calls, send, ids } = scripted();
  for (const id of ['1', '2', '1', '3']) send('x', id);
  send('y', '1');
  await turn();
  assert.deepEqual(ids(calls[0]), ['1', '2', '1']);
  assert.deepEqual(
    calls[0]?.messages.map(({ conversationId }) => conversationId),
    ['x', 'x', 'y'],
  );
  await calls[0]?.answer();
  assert.deepEqual(ids(calls[1]), ['1', '3']);
  await calls[1]?.answer();
});

test('a conversation found busy three times goes alone, and waits', async () => {
  const { calls, send, ids, outcomes } = scripted();
  const ofX = (): Call | undefined => calls.findLast((call) => ids(call).includes('x1'));
  send('y', 'y0');
  await turn();
  // y stays in the first lane: x has the other one to itself, until both are free for z.
  send('x', 'x1');
  for (let i = 0; i < 3; i++) {
    await turn();
    send('x', `later${i}`);
    send('z', `z${i}`);
    assert.equal(ofX()?.wait, false);
    await ofX()?.answer(({ conversationId }) => (conversationId === 'x' ? { state: 'busy' } : undefined));
  }
  // What is to go alone does not hold up others: z goes first.
  assert.deepEqual(ids(calls.at(-1)), ['z2']);
  await calls.at(-1)?.answer();
  const alone = ofX();
  assert.equal(alone?.wait, true);
  assert.deepEqual(ids(alone), ['x1', 'later0', 'later1', 'later2']);
  await calls[0]?.answer();
  await alone?.answer();
  const stored = outcomes.filter(([id]) => !/^[yz]/.test(id)).map(([id, , seq]) => [id, seq]);
  assert.deepEqual(stored, [
    ['x1', 1],
    ['later0', 2],
    ['later1', 3],
    ['later2', 4],
  ]);
  // It starts over in patience.
  send('x', 'x2');
  await turn();
  assert.equal(calls.at(-1)?.wait, false);
});

test('an unknown outcome fails what is queued behind it in the same conversation, and nothing else', async () => {
  const { calls, send, outcomes, ids } = scripted();
  send('x', 'x1');
  await turn();
  send('x', 'x2');
  send('y', 'y1');
  await turn();
  await calls[0]?.fail(new Away());
  assert.deepEqual(outcomes, [
    ['x1', 'unavailable'],
    ['x2', 'unavailable'],
  ]);
  send('x', 'x1');
  await turn();
  assert.deepEqual(ids(calls[2]), ['x1']);
  await calls[1]?.answer();
  await calls[2]?.answer();
  assert.deepEqual(outcomes.slice(2), [
    ['y1', 'stored', 1],
    ['x1', 'stored', 1],
  ]);
});

test('one message that the database cannot take gets internal, and all others their places', async () => {
  const { calls, send, outcomes, appender } = scripted();
  const all = Array.from({ length: 20 }, (_, i) => `${i}`);
  for (const id of all) send(Number(id) < 10 ? 'x' : 'y', id);
  await turn();
  const idle = appender.idle();
  for (let i = 0; i < calls.length; i++) {
    const call = calls[i];
    if (call?.messages.some(({ clientId }) => clientId === '7') === true) await call.fail(new Error('bad bytes'));
    else await call?.answer();
  }
  await idle;
  assert.deepEqual(
    outcomes.map(([id]) => id),
    all,
  );
  assert.deepEqual(
    outcomes.filter(([, state]) => state !== 'stored'),
    [['7', 'internal']],
  );
  assert.deepEqual(
    outcomes.filter(([, state]) => state === 'stored').map(([, , seq]) => seq),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, ...Array.from({ length: 10 }, (_, i) => i + 1)],
  );
  // Halving: not one by one.
  assert.ok(calls.length <= 11, `${calls.length} calls`);
});

test('while halves are tried, nothing overtakes what became unknown or busy in its conversation', async () => {
  for (const second of [new Away(), undefined]) {
    const { calls, send, outcomes, ids } = scripted();
    for (const id of ['1', '2', '3', '4']) send('x', id);
    await turn();
    await calls[0]?.fail(new Error('bad bytes'));
    assert.deepEqual(ids(calls[1]), ['1', '2']);
    if (second === undefined) {
      await calls[1]?.answer(() => ({ state: 'busy' }));
      assert.deepEqual(ids(calls[2]), ['1', '2', '3', '4']);
      await calls[2]?.answer();
      assert.deepEqual(
        outcomes.map(([id, , seq]) => [id, seq]),
        [
          ['1', 1],
          ['2', 2],
          ['3', 3],
          ['4', 4],
        ],
      );
    } else {
      await calls[1]?.fail(second);
      assert.equal(calls.length, 2);
      assert.deepEqual(
        outcomes.map(([id, state]) => `${id} ${state}`),
        ['1', '2', '3', '4'].map((id) => `${id} unavailable`),
      );
    }
  }
});

test('batches and what waits for them are bounded', async () => {
  const { calls, send, outcomes, appender } = scripted();
  for (let i = 0; i < 1500; i++) send('x', `${i}`);
  await turn();
  assert.equal(calls[0]?.messages.length, 1000);
  const large = 'A'.repeat(80_000);
  for (let i = 0; i < 100; i++) send('y', `y${i}`, large);
  await turn();
  const bytes = calls[1]?.messages.reduce((sum, { mls }) => sum + mls.length, 0) ?? 0;
  assert.ok(bytes > 4_000_000 && bytes < 4_500_000, `${bytes} bytes`);
  for (let i = 0; i < 1000; i++) send('z', `z${i}`, large);
  const refused = outcomes.filter(([, state]) => state === 'unavailable').length;
  assert.ok(refused > 200 && refused < 300, `${refused} of 1000 were refused at once`);
  const idle = appender.idle();
  for (let i = 0; i < calls.length; i++) await calls[i]?.answer();
  await idle;
  assert.equal(outcomes.length, 2600);
  assert.equal(appender.waiting, 0);
});

test('two servers that retry the same client id at once store it once and answer alike, thousands of times', async () => {
  await using db = await testDatabase();
  const gates = [openGate(db.url), openGate(db.url)];
  const [ada, bob] = [await addPerson(db.sql), await addPerson(db.sql)];
  const conversationIds: string[] = [];
  for (let i = 0; i < 3; i++) {
    const other = i === 0 ? bob : await addPerson(db.sql);
    const [opened] = await db.sql<
      { conversationId: string }[]
    >`select conversation_id from open_direct(${ada.sessionId}, ${other.userId})`;
    conversationIds.push(opened?.conversationId ?? '');
  }
  const servers = gates.map((gate) =>
    createAppender({ store: createLogStore(gate), clock: systemClock, isUnavailable: () => false }),
  );
  const rounds = 2_000;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < rounds) {
      const conversationId = conversationIds[next++ % conversationIds.length] ?? '';
      const clientId = randomUUID();
      const answers = await Promise.all(
        [...servers, ...servers.slice(next % 2)].map((server) => appended(server, ada, conversationId, clientId)),
      );
      const [first] = answers;
      assert.ok(first !== undefined && 'seq' in first, JSON.stringify(answers));
      for (const answer of answers) {
        assert.ok(answer.state === 'stored' || answer.state === 'duplicate', JSON.stringify(answer));
        assert.deepEqual([answer.seq, answer.sentAt], [first.seq, first.sentAt]);
      }
      assert.equal(answers.filter(({ state }) => state === 'stored').length, 1);
    }
  };
  try {
    await Promise.all(Array.from({ length: 24 }, worker));
    const logs = await db.sql<{ entries: number; last: number; ids: number; lastSeq: number }[]>`
      select count(*) as entries, max(l.seq) as last, count(distinct client_id) as ids, c.last_seq
      from conversation_log l join conversations c on c.id = l.conversation_id group by l.conversation_id, c.last_seq`;
    for (const { entries, last, ids, lastSeq } of logs)
      assert.deepEqual([last, ids, lastSeq], [entries, entries, entries]);
    assert.equal(
      logs.reduce((sum, { entries }) => sum + entries, 0),
      rounds,
    );
    const [deadlocks] = await db.sql<
      { n: number }[]
    >`select deadlocks as n from pg_stat_database where datname = current_database()`;
    assert.equal(deadlocks?.n, 0);
  } finally {
    for (const gate of gates) await gate.close();
  }
});

function appended(
  server: { append(send: Send): void },
  { sessionId, deviceId }: Identity,
  conversationId: string,
  clientId: string,
): Promise<Outcome> {
  return new Promise((resolve) => {
    server.append({
      ...newSend(conversationId, clientId, 'AAAA', resolve),
      sessionId,
      deviceId,
      owner: 'o',
      digest: Buffer.alloc(32).toString('base64'),
    });
  });
}
