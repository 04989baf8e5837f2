import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../server/testing/eventually.ts';
import { runServer, signUp } from './testing/running-server.ts';

const OLD = 20_000;

test('a server with RETENTION_DAYS drops a mountain of old messages in small steps, and goes on serving', async (t) => {
  const server = await runServer(t, { RETENTION_DAYS: '1' });
  const [ada, bob] = await Promise.all([signUp(t, server, 'ada'), signUp(t, server, 'bob')]);
  const them = await bob.whoAmI();
  await ada.start();
  await ada.ready();
  const { conversation } = await ada.request('conversation.open', { userId: them?.userId ?? '' });
  const id = conversation.id;
  // Of people who are away.
  const old = crypto.randomUUID();
  await server.sql`insert into conversations (id, kind, last_seq) values (${old}, 'group', ${OLD})`;
  await server.sql`insert into conversation_log
    (conversation_id, seq, kind, sender_id, sender_device_id, client_id, epoch, silent, message_count, sent_at, digest, mls)
    select ${old}, n, 1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 0, true, 0, now() - interval '2 days',
      '\\x00', decode(repeat('ab', 400), 'hex')
    from generate_series(1, ${OLD}) n`;
  // What was stored long ago is found when a server starts.
  await server.kill();
  await server.start();
  ada.reconnectNow();
  await ada.ready();
  const left = async (): Promise<number> => {
    const [row] =
      await server.sql`select count(*) as n from conversation_log where conversation_id = ${old} and mls is not null`;
    return Number(row?.n);
  };
  await eventually(async () => (await left()) < OLD, 'it begins', 120_000);
  const began = performance.now();
  const waits: number[] = [];
  while ((await left()) > 0) {
    const asked = performance.now();
    await ada.request('message.send', { conversationId: id, clientId: crypto.randomUUID(), epoch: 0, mls: 'AAAA' });
    waits.push(performance.now() - asked);
  }
  const seconds = (performance.now() - began) / 1000;
  waits.sort((a, b) => a - b);
  t.diagnostic(
    `${OLD} messages in ${seconds.toFixed(1)} s; meanwhile ${waits.length} sends, p50 ${waits[waits.length >> 1]?.toFixed(1)} ms, p99 ${waits[Math.floor(waits.length * 0.99)]?.toFixed(1)} ms`,
  );
  assert.ok(seconds > OLD / 5_000 - 2, `${seconds} s are a storm`);
});
