import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLog } from '../log.ts';
import { type Gate, openGate } from '../store/gate.ts';
import { addMail } from '../store/mail.ts';
import { testDatabase } from '../testing/database.ts';
import { privateRedis } from '../testing/redis-server.ts';
import { startSmtp } from '../testing/smtp.ts';
import { type MailJobs, type MailOptions, startMail } from './mail.ts';

const log = createLog('silent');
const impatient = { firstDelayMs: 20, longestDelayMs: 50, leaseMs: 60_000 };

interface Bench extends AsyncDisposable {
  readonly gate: Gate;
  /** A mail about a new account, as a registration would leave it. */
  cause(name: string): Promise<string>;
  /** Waits until the mail is in that state. */
  reaches(id: string, state: string): Promise<{ attempts: number; lastError: string | null }>;
  options(config: Partial<MailOptions['config']>, more?: Partial<MailOptions>): MailOptions;
}

async function bench(t: TestContext): Promise<Bench> {
  const db = await testDatabase();
  const gate = openGate(db.url);
  const dataDir = mkdtempSync(join(tmpdir(), 'sotto-mail-'));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  return {
    gate,
    async cause(name) {
      const [user] = await db.sql<{ id: string }[]>`
        insert into users (username, email, password_hash, display_name) values (${name}, ${`${name}@example.org`}, 'x', ${name}) returning id`;
      return gate.transaction('read', (tx) =>
        addMail(tx, { kind: 'reset_password', address: `${name}@example.org`, userId: user?.id ?? '' }),
      );
    },
    async reaches(id, state) {
      for (;;) {
        const [row] = await db.sql<{ state: string; attempts: number; lastError: string | null }[]>`
          select state, attempts, last_error, pg_sleep(0.02) from mail_outbox where id = ${id}`;
        if (row?.state === state) return { attempts: row.attempts, lastError: row.lastError };
      }
    },
    options: (config, more = {}) => ({
      gate,
      log,
      patience: impatient,
      sweepEveryMs: 30,
      config: {
        dataDir,
        databaseUrl: db.url,
        redisUrl: undefined,
        smtpUrl: undefined,
        mailFrom: 'Sotto <sotto@example.org>',
        publicUrl: 'https://chat.example.org',
        ...config,
      },
      ...more,
    }),
    async [Symbol.asyncDispose]() {
      await gate.close();
      await db[Symbol.asyncDispose]();
    },
  };
}

test('a mail goes over SMTP in text and HTML, with a link and an id of its own', async (t) => {
  await using smtp = await startSmtp();
  await using table = await bench(t);
  const id = await table.cause('ada');
  const mail = start(t, table.options({ smtpUrl: smtp.url }));
  const [received] = await smtp.received(1);
  assert.equal(received?.to, 'ada@example.org');
  assert.match(received?.content ?? '', /^From: Sotto <sotto@example\.org>/m);
  assert.match(received?.content ?? '', new RegExp(`^Message-ID: <${id}@example.org>`, 'm'));
  assert.match(
    received?.content ?? '',
    /Content-Type: text\/plain.*reset-password\?token=3D[\w=\s-]+.*Content-Type: text\/html/s,
  );
  assert.equal((await table.reaches(id, 'sent')).attempts, 1);
  await mail.close();
});

test('while SMTP is down mails wait, and all go once it is back', async (t) => {
  await using smtp = await startSmtp();
  await using table = await bench(t);
  await smtp.stop();
  const ids = await Promise.all(['ada', 'bob', 'eve'].map((name) => table.cause(name)));
  const mail = start(t, table.options({ smtpUrl: smtp.url }));
  await waitFor(() => !mail.reachable());
  await smtp.start();
  await smtp.received(3);
  const ends = await Promise.all(ids.map((id) => table.reaches(id, 'sent')));
  assert.ok(ends.some((end) => end.attempts > 1));
  assert.equal(mail.reachable(), true);
  await mail.close();
});

test('a mail that is refused is given up after a few tries, and says why', async (t) => {
  await using smtp = await startSmtp({ refuse: 'eve@example.org' });
  await using table = await bench(t);
  const [eve, ada] = [await table.cause('eve'), await table.cause('ada')];
  const mail = start(t, table.options({ smtpUrl: smtp.url }));
  assert.deepEqual(await table.reaches(eve, 'failed'), { attempts: 3, lastError: 'the mail server answered 550' });
  assert.equal((await table.reaches(ada, 'sent')).attempts, 1, 'others are not held up');
  await mail.close();
});

test('a server that never gets through gives a mail up after the stated number of tries', async (t) => {
  await using smtp = await startSmtp();
  await using table = await bench(t);
  await smtp.stop();
  const id = await table.cause('ada');
  const mail = start(t, table.options({ smtpUrl: smtp.url }, { patience: { ...impatient, attempts: 4 } }));
  const { attempts, lastError } = await table.reaches(id, 'failed');
  assert.equal(attempts, 4);
  assert.match(lastError ?? '', /ECONNREFUSED/);
  await mail.close();
});

test('two senders on one outbox send each mail once', async (t) => {
  await using smtp = await startSmtp();
  await using table = await bench(t);
  const ids = await Promise.all(Array.from({ length: 60 }, (_, n) => table.cause(`user${n}`)));
  const senders = [1, 2].map(() => start(t, table.options({ smtpUrl: smtp.url })));
  for (const id of ids) assert.equal((await table.reaches(id, 'sent')).attempts, 1);
  assert.equal((await smtp.received(60)).length, 60);
  await Promise.all(senders.map((sender) => sender.close()));
});

test('a sender that dies after taking a mail delays it by its lease and no more', async (t) => {
  await using smtp = await startSmtp();
  await using table = await bench(t);
  const id = await table.cause('ada');
  const { takeDueMail } = await import('../store/mail.ts');
  // Taken, and then nothing: as a process that was killed before it sent, or before it marked what it had sent.
  assert.equal((await takeDueMail(table.gate, 300, 10)).length, 1);
  const mail = start(t, table.options({ smtpUrl: smtp.url }));
  assert.equal((await table.reaches(id, 'sent')).attempts, 2);
  await mail.close();
});

test('Redis wakes a worker in another process, and mails go on while it restarts and after it lost its jobs', async (t) => {
  await using smtp = await startSmtp();
  await using redis = await privateRedis();
  await using table = await bench(t);
  // Only the wake-up can be this quick: the sweep comes once a minute.
  const lazy = { sweepEveryMs: 60_000, prefix: '{test}' };
  const sender = start(t, table.options({ smtpUrl: smtp.url, redisUrl: redis.url }, lazy));
  const first = await table.cause('ada');
  sender.wake([first]);
  assert.equal((await table.reaches(first, 'sent')).attempts, 1);

  await redis.kill();
  const second = await table.cause('bob');
  sender.wake([second]);
  assert.equal((await table.reaches(second, 'sent')).attempts, 1, 'without Redis this process sends itself');
  await redis.start();
  const third = await table.cause('eve');
  await waitFor(async () => {
    sender.wake([third]);
    return (await smtp.count()) === 3;
  });
  await table.reaches(third, 'sent');
  await sender.close();

  // Enqueued, and then Redis forgets everything before a worker came.
  const fourth = await table.cause('kim');
  const { openMailQueue } = await import('./mail-queue.ts');
  const queue = openMailQueue({ address: { kind: 'server', url: redis.url }, log, prefix: '{test}' });
  assert.equal(await queue.wake(fourth), true);
  await queue.close();
  await redis.kill();
  await redis.start();
  const later = start(t, table.options({ smtpUrl: smtp.url, redisUrl: redis.url }, { ...lazy, sweepEveryMs: 50 }));
  assert.equal((await table.reaches(fourth, 'sent')).attempts, 1);
  await later.close();
});

test('without SMTP each mail is a file for its owner only', async (t) => {
  await using table = await bench(t);
  const options = table.options({});
  const id = await table.cause('ada');
  const mail = start(t, options);
  await table.reaches(id, 'sent');
  await mail.close();
  const [name = '', ...others] = readdirSync(join(options.config.dataDir, 'mail'));
  assert.match(name, new RegExp(`^[\\dT.]+Z-${id}\\.eml$`));
  assert.deepEqual(others, []);
});

async function waitFor(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

function start(t: TestContext, options: MailOptions): MailJobs {
  const mail = startMail(options);
  t.after(() => mail.close());
  return mail;
}
