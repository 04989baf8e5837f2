import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { createAccessTokens } from '../server/accounts/access-token.ts';
import { createPasswords } from '../server/accounts/passwords.ts';
import { generateSigningKey, importSigningKeys } from '../server/accounts/signing-keys.ts';
import { addPerson } from '../server/testing/people.ts';
import { exited, startNode } from '../server/testing/process.ts';
import { greet, type RawSocket } from './testing/raw-socket.ts';
import { PASSWORD, runServer } from './testing/running-server.ts';

const LOGINS = 500;
const WRITERS = 8;
/** Each writes about this often: a busy conversation, far from what the server could take. */
const EVERY_MS = 20;
const QUIET_MS = 4_000;
/** What quiet is taken for at least: below it a p99 says more about what else this machine does than about the server. */
const FLOOR_MS = 40;

const report = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ statuses: v.record(v.string(), v.number()), faults: v.array(v.string()), slowestMs: v.number() }),
);

test('500 logins at once are granted or refused with a time to come again, and sends hardly feel it', async (t) => {
  const key = await generateSigningKey();
  const server = await runServer(t, { PASETO_SECRET_KEY: key.secret, LOG_LEVEL: 'warn' });
  const { sql } = server;
  const tokens = createAccessTokens(await importSigningKeys(key.secret));
  const passwordHash = await (await createPasswords({ concurrency: 1 })).hash(PASSWORD);
  await sql`insert into users (username, email, password_hash, display_name)
    values ('stormy', 'stormy@example.org', ${passwordHash}, 'stormy')`;
  const writers = await Promise.all(Array.from({ length: WRITERS }, () => writer(server.url)));

  /** The 99th percentile of sends while `lasts` is not settled. */
  async function p99While(lasts: Promise<unknown>): Promise<{ p99: number; sends: number }> {
    let going = true;
    const over = lasts.finally(() => {
      going = false;
    });
    const times: number[] = [];
    const write = async ({ socket, conversationId }: (typeof writers)[number]): Promise<void> => {
      while (going) {
        const began = performance.now();
        const answer = await socket.ask('message.send', {
          conversationId,
          clientId: randomUUID(),
          epoch: 0,
          mls: 'aGVsbG8',
        });
        times.push(performance.now() - began);
        assert.equal(answer.type, 'reply', answer.code);
        await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      }
    };
    await Promise.all([over, ...writers.map(write)]);
    times.sort((a, b) => a - b);
    return { p99: times[Math.floor(times.length * 0.99)] ?? 0, sends: times.length };
  }

  const storm = async () => {
    const program = fileURLToPath(new URL('./testing/login-storm.js', import.meta.url));
    const { stdout, stderr } = await exited(startNode(t, [program, server.url, 'stormy', PASSWORD, String(LOGINS)]));
    return v.parse(report, stdout, { message: stderr });
  };

  await p99While(pause(1_000));
  // Quiet before and after, since whatever else this machine does comes and goes.
  const before = await p99While(pause(QUIET_MS));
  const storming = storm();
  const during = await p99While(storming);
  const after = await p99While(pause(QUIET_MS));
  const { statuses, faults, slowestMs } = await storming;
  const quiet = Math.max(before.p99, after.p99);
  const ratio = during.p99 / Math.max(quiet, FLOOR_MS);
  t.diagnostic(
    `p99 of sends: quiet ${before.p99.toFixed(1)} and ${after.p99.toFixed(1)} ms, in the storm ${during.p99.toFixed(1)} ms (${during.sends} sends); ${(during.p99 / quiet).toFixed(1)} times; logins: ${JSON.stringify(statuses)}, slowest answer ${slowestMs} ms`,
  );
  assert.deepEqual(faults, [], 'every refusal is one of the two, with a positive retryAfterMs');
  assert.equal(
    Object.values(statuses).reduce((sum, count) => sum + count, 0),
    LOGINS,
    'none hangs',
  );
  assert.ok((statuses.granted ?? 0) > 0 && (statuses.rate_limited ?? 0) > 0, JSON.stringify(statuses));
  assert.ok(ratio <= 5, `sends took ${during.p99} ms in the storm, ${quiet} ms when it was quiet`);

  async function writer(url: string): Promise<{ socket: RawSocket; conversationId: string }> {
    const [one, other] = [await addPerson(sql), await addPerson(sql)];
    const socket = await greet(url, (await tokens.issue(one)).token);
    t.after(() => socket.close());
    const { body } = await socket.ask('conversation.open', { userId: other.userId });
    const { conversation } = body as { conversation: { id: string } };
    return { socket, conversationId: conversation.id };
  }
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
