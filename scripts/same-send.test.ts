import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { createAccessTokens } from '../server/accounts/access-token.ts';
import { generateSigningKey, importSigningKeys } from '../server/accounts/signing-keys.ts';
import { freePort } from '../server/embedded/port.ts';
import { testDatabase } from '../server/testing/database.ts';
import { addPerson } from '../server/testing/people.ts';
import { printed, startNode } from '../server/testing/process.ts';

const MAIN = fileURLToPath(new URL('../server/main.js', import.meta.url));
const ROUNDS = 2_000;

interface Answer {
  readonly type: string;
  readonly id?: number;
  readonly body?: { readonly seq: number; readonly sentAt: string; readonly duplicate: boolean };
}

/** A connection in its rawest form: sends a request, gives its answer. */
async function rawClient(t: TestContext, port: number, token: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/socket`);
  t.after(() => socket.terminate());
  const waiting = new Map<number, (answer: Answer) => void>();
  let id = 0;
  socket.on('message', (data) => {
    const answer: Answer = JSON.parse(String(data));
    if (answer.id !== undefined) waiting.get(answer.id)?.(answer);
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const request = (type: string, body: object): Promise<Answer> =>
    new Promise((resolve) => {
      waiting.set(++id, resolve);
      socket.send(JSON.stringify({ id, type, body }));
    });
  assert.equal((await request('hello', { token })).type, 'reply');
  return request;
}

test('two server processes that get the same send at once store it once and answer alike, thousands of times', async (t) => {
  await using db = await testDatabase();
  const key = await generateSigningKey();
  const tokens = createAccessTokens(await importSigningKeys(key.secret));
  const folder = mkdtempSync(join(tmpdir(), 'sotto-same-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const ports = await Promise.all(
    // Without Redis neither knows of the other, so neither displaces the other's connection of this device.
    ['a', 'b'].map(async (name) => {
      const port = await freePort();
      const server = startNode(t, ['--enable-source-maps', MAIN], {
        DATABASE_URL: db.url,
        DATA_DIR: join(folder, name),
        PORT: String(port),
        ADMIN_PORT: String(await freePort()),
        PASETO_SECRET_KEY: key.secret,
        REQUIRE_MLS: 'false',
        LOG_LEVEL: 'warn',
      });
      await printed(server, /Sotto is ready/);
      return port;
    }),
  );
  const [ada, bob] = [await addPerson(db.sql), await addPerson(db.sql)];
  const { token } = await tokens.issue(ada);
  const clients = await Promise.all(ports.map((port) => rawClient(t, port, token)));
  const [first] = clients;
  assert.ok(first);
  assert.equal((await first('conversation.open', { userId: bob.userId })).type, 'reply');
  const [conversation] = await db.sql<{ id: string }[]>`select id from conversations`;
  assert.ok(conversation);

  let round = 0;
  const answers: Answer[][] = [];
  // Several rounds at a time, so that batches of both servers hold each other's conversation.
  const lane = async (): Promise<void> => {
    while (round < ROUNDS) {
      const mine = round++;
      const body = { conversationId: conversation.id, clientId: randomUUID(), epoch: 0, mls: 'c2FtZQ' };
      answers[mine] = await Promise.all(clients.map((request) => request('message.send', body)));
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));

  for (const [one, other] of answers) {
    assert.equal(one?.type, 'reply', JSON.stringify(one));
    assert.equal(other?.type, 'reply', JSON.stringify(other));
    assert.deepEqual([one?.body?.seq, one?.body?.sentAt], [other?.body?.seq, other?.body?.sentAt]);
    assert.notEqual(one?.body?.duplicate, other?.body?.duplicate);
  }
  const [log] = await db.sql<{ rows: number; last: number; distinct: number }[]>`
    select count(*) as rows, max(seq) as last, count(distinct client_id) as distinct from conversation_log`;
  assert.deepEqual({ ...log }, { rows: ROUNDS, last: ROUNDS, distinct: ROUNDS });
  const [deadlocks] = await db.sql<{ deadlocks: number }[]>`
    select deadlocks from pg_stat_database where datname = current_database()`;
  assert.equal(deadlocks?.deadlocks, 0);
});
