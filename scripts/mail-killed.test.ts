import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createHttp } from '../client/http.ts';
import { generateSigningKey } from '../server/accounts/signing-keys.ts';
import { openMailQueue } from '../server/jobs/mail-queue.ts';
import { createLog } from '../server/log.ts';
import { openGate } from '../server/store/gate.ts';
import { addMail } from '../server/store/mail.ts';
import { type TestDatabase, testDatabase } from '../server/testing/database.ts';
import { eventually } from '../server/testing/eventually.ts';
import { addPerson } from '../server/testing/people.ts';
import { exited, printed, type StartedProcess, startNode } from '../server/testing/process.ts';
import { privateRedis } from '../server/testing/redis-server.ts';
import { type SmtpOptions, startSmtp } from '../server/testing/smtp.ts';
import { PASSWORD, runServer } from './testing/running-server.ts';

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));

/** What `npm run worker` needs, and a mail that waits. */
async function post(t: TestContext, options: SmtpOptions = {}) {
  const database = await testDatabase();
  const redis = await privateRedis();
  const smtp = await startSmtp(options);
  t.after(async () => {
    await smtp.stop();
    await redis[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  });
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    SMTP_URL: smtp.url,
    PASETO_SECRET_KEY: (await generateSigningKey()).secret,
  };
  return {
    database,
    smtp,
    env,
    async worker(): Promise<StartedProcess> {
      const process = startNode(t, ['--enable-source-maps', WORKER], { ...env, LOG_LEVEL: 'info' });
      await printed(process, /the mail worker is ready/);
      return process;
    },
    async mail(): Promise<string> {
      const { userId } = await addPerson(database.sql, 'ada');
      const gate = openGate(database.url);
      const address = 'ada@example.org';
      const id = await gate.transaction('read', (tx) => addMail(tx, { kind: 'password_changed', address, userId }));
      await gate.close();
      return id;
    },
    /** Puts the job into Redis, as a server does after its commit. */
    async enqueue(id: string): Promise<void> {
      const queue = openMailQueue({ address: { kind: 'server', url: redis.url }, log: createLog('silent') });
      assert.equal(await queue.wake(id), true);
      await queue.close();
    },
  };
}

async function kill(process: StartedProcess): Promise<void> {
  process.child.kill('SIGKILL');
  assert.equal((await exited(process)).signal, 'SIGKILL');
}

async function state({ sql }: TestDatabase): Promise<{ state: string; attempts: number } | undefined> {
  const [row] = await sql<{ state: string; attempts: number }[]>`select state, attempts from mail_outbox`;
  return row;
}

const reaches = (database: TestDatabase, wanted: string) =>
  eventually(async () => (await state(database))?.state === wanted, `the mail is ${wanted}`);

/** Time passes: the lease of whoever died is over. Another test shows that it holds until then. */
const leaseOver = ({ sql }: TestDatabase) => sql`update mail_outbox set next_try_at = now() where state = 'waiting'`;

test('a server killed between its commit and the queue loses no mail: the worker alone finds it', async (t) => {
  const { env, database, smtp, worker } = await post(t);
  // The server has Redis but sends nothing itself in time: it dies while PostgreSQL is committing.
  const server = await runServer(t, { ...env, LOG_LEVEL: 'warn' });
  await database.sql.unsafe(`
    create function slow_commit() returns trigger language plpgsql as $$ begin perform pg_sleep(1.5); return null; end $$;
    create constraint trigger slow_commit after insert on mail_outbox deferrable initially deferred
      for each row execute function slow_commit()`);
  const registering = createHttp(server)
    .register({ username: 'ada', email: 'ada@example.org', password: PASSWORD })
    .catch((error: Error) => error);
  await eventually(async () => {
    const rows =
      await database.sql`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`;
    return rows.length > 0;
  }, 'the transaction is being committed');
  await server.kill();
  assert.ok((await registering) instanceof Error, 'whoever registered got no answer');
  await eventually(async () => (await state(database)) !== undefined, 'the mail is committed');
  assert.deepEqual(await state(database), { state: 'waiting', attempts: 0 });
  await worker();
  const [mail] = await smtp.received(1);
  assert.match(mail?.content ?? '', /verify-email\?token/);
  await reaches(database, 'sent');
  assert.equal(smtp.count(), 1);
});

test('a worker killed between the queue and the sending loses no mail', async (t) => {
  let greeted = 0;
  const { database, smtp, worker, mail, enqueue } = await post(t, {
    greet: () => {
      greeted += 1;
      return greeted === 1 ? new Promise(() => undefined) : Promise.resolve();
    },
  });
  const first = await worker();
  await enqueue(await mail());
  await eventually(async () => greeted === 1, 'it is connecting to the mail server');
  await kill(first);
  assert.deepEqual(await state(database), { state: 'waiting', attempts: 1 });
  assert.equal(smtp.count(), 0);
  await leaseOver(database);
  await worker();
  await reaches(database, 'sent');
  assert.equal(smtp.count(), 1);
});

test('a worker killed after the mail server has taken a mail sends it twice at most, recognisably', async (t) => {
  let unlock = (): void => undefined;
  let locking: Promise<unknown> | undefined;
  const { database, smtp, worker, mail, enqueue } = await post(t, {
    // Taken and about to be answered: from now on the mark has to wait for a lock.
    accept: () =>
      new Promise<void>((locked) => {
        if (locking !== undefined) return locked();
        const held = new Promise<void>((resolve) => {
          unlock = resolve;
        });
        locking = database.sql.begin(async (tx) => {
          await tx`select from mail_outbox for update`;
          locked();
          await held;
        });
      }),
  });
  const first = await worker();
  await enqueue(await mail());
  await eventually(async () => {
    const rows = await database.sql`select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return rows.length > 0;
  }, 'it is marking the mail as sent');
  await kill(first);
  await database.sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  unlock();
  await locking;
  assert.deepEqual([smtp.count(), await state(database)], [1, { state: 'waiting', attempts: 1 }]);
  await leaseOver(database);
  await worker();
  await reaches(database, 'sent');
  const ids = (await smtp.received(2)).map(({ content }) => /^Message-ID: (.*)$/im.exec(content)?.[1]);
  assert.equal(ids.length, 2);
  assert.equal(ids[0], ids[1], 'the double has the same Message-ID');
});
