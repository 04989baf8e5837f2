import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from './metrics.ts';

const lane = { running: 1, waiting: 2, refused: 3, expired: 4, abandoned: 5 };

test('what happened and what is now can be read', async () => {
  const metrics = createMetrics();
  metrics.watch({
    sockets: () => ({ greeting: 7, ready: 8 }),
    queues: () => ({ hellos: 17, sends: 9, marks: 10, log_reads: 11, bus_characters: 12 }),
    requestsInFlight: () => ({}),
    outboxes: () => ({ unacknowledged: 13, behind: 14, congested: 15 }),
    mailsWaiting: () => Promise.resolve(16),
    gate: () => ({ append: lane, read: lane, search: lane, background: lane }),
    busDoubtful: () => true,
  });
  metrics.sockets.started('message.send');
  metrics.sockets.answered('message.send', 'rate_limited');
  metrics.batch({ size: 3, ms: 4 });
  metrics.bus.lag(2);
  metrics.gateWait('read', 5);
  const text = await metrics.text();
  for (const line of [
    'sotto_requests_total{type="message.send"} 1',
    'sotto_replies_total{type="message.send",code="rate_limited"} 1',
    'sotto_sockets{state="ready"} 8',
    'sotto_queue_depth{queue="hellos"} 17',
    'sotto_queue_depth{queue="sends"} 9',
    'sotto_outbox_depth{what="behind"} 14',
    'sotto_mails_waiting 16',
    'sotto_gate_wait_seconds_sum{class="read"} 0.005',
    'sotto_bus_doubtful 1',
    'sotto_queries{class="read",state="expired"} 4',
    'sotto_batch_messages_sum 3',
    'sotto_commit_seconds_sum 0.004',
    'sotto_bus_lag_seconds_sum 0.002',
  ]) {
    assert.ok(text.split('\n').includes(line), `${line} in:\n${text}`);
  }
  assert.match(text, /nodejs_eventloop_lag_p99_seconds/);
});

test('a client cannot make new labels', async () => {
  const metrics = createMetrics();
  for (let i = 0; i < 1000; i++) {
    metrics.sockets.started(`made.up.${i}`);
    metrics.sockets.answered(`made.up.${i}`, 'unknown_type');
    metrics.sockets.closed(3000 + i);
  }
  const lines = (await metrics.text())
    .split('\n')
    .filter((line) => /^sotto_(requests|replies|closes)_total\{/.test(line));
  assert.ok(lines.length <= 6, lines.join('\n'));
  assert.ok(lines.includes('sotto_requests_total{type="unknown"} 1000'));
});
