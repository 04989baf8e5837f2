import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { WINDOW_BYTES, WINDOW_ENTRIES } from '../../protocol/scalars.ts';
import type { SendResult, Socket } from '../listen/transport.ts';
import type { Position } from '../store/store.ts';
import { manualClock } from '../testing/clock.ts';
import { Outbox } from './outbox.ts';
import { createFlusher, Writer } from './writer.ts';

const X = 'x';

/** An outbox between a socket that is an array and a log that is a table of sizes. */
function bench(options: { positions?: Position[]; started?: boolean } = {}) {
  const written: string[] = [];
  const counts = { reads: 0, places: 0, synced: 0, overflow: 0, full: 0, failed: 0 };
  const logs = new Map<string, string[]>();
  const held: (() => void)[] = [];
  const state = { result: 'sent' as SendResult, failing: false, holding: false };
  const clock = manualClock();
  const socket: Socket = {
    remoteAddress: '',
    send(frame) {
      if (state.result !== 'dropped') written.push(frame);
      return state.result;
    },
    cork: (write) => write(),
    end() {},
  };
  const writer = new Writer(socket, createFlusher(), {
    overflow: () => {
      counts.full++;
    },
  });
  const gate = async (): Promise<void> => {
    if (state.holding) await new Promise<void>((resolve) => held.push(resolve));
    if (state.failing) throw new Error('away');
  };
  const log = (id: string): string[] => {
    const found = logs.get(id) ?? [];
    logs.set(id, found);
    return found;
  };
  const outbox = new Outbox({
    writer,
    clock,
    loader: {
      inFlight: 0,
      async read(id, after) {
        counts.reads++;
        const entries = log(id)
          .slice(after, after + 64)
          .map((frame, i) => ({ seq: after + i + 1, frame }));
        await gate();
        return { entries };
      },
    },
    async place(conversationId) {
      counts.places++;
      await gate();
      const found = logs.get(conversationId);
      return found === undefined ? undefined : { conversationId, lastSeq: found.length, cursor: 0 };
    },
    failed: () => counts.failed++,
    overflow: () => counts.overflow++,
    synced: () => {
      counts.synced++;
      writer.write('sync.done');
    },
  });
  const grow = (id: string, n = 1, size = 10): void => {
    for (let i = 0; i < n; i++) log(id).push(`${id}${log(id).length + 1}`.padEnd(size, '~'));
  };
  const offer = (id: string, seq: number): void => outbox.offer(id, seq, log(id)[seq - 1]);
  const names = (): string[] => written.map((frame) => frame.split('~', 1)[0] ?? '');
  if (options.started !== false) outbox.start(options.positions ?? [{ conversationId: X, lastSeq: 0, cursor: 0 }]);
  return { outbox, clock, written, counts, state, held, grow, offer, names, log, writer };
}

const range = (id: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${id}${from + i}`);

test('entries in order go straight out, once, without a read', async () => {
  const { grow, offer, names, counts } = bench();
  await turn();
  grow(X, 3);
  for (const seq of [1, 1, 2, 1, 3, 3, 2]) offer(X, seq);
  await turn();
  assert.deepEqual(names(), ['sync.done', 'x1', 'x2', 'x3']);
  assert.equal(counts.reads, 0);
});

test('an entry waits 20 ms for the one before it, then the log is read', async () => {
  const { grow, offer, names, counts, clock } = bench();
  grow(X, 6);
  offer(X, 2);
  offer(X, 3);
  await turn();
  assert.deepEqual(names(), ['sync.done']);
  offer(X, 1);
  await turn();
  assert.deepEqual(names().slice(1), range(X, 1, 3));
  assert.equal(counts.reads, 0);
  clock.pass(1_000);
  offer(X, 5);
  clock.pass(19);
  await turn();
  assert.equal(counts.reads, 0);
  clock.pass(1);
  await turn();
  // The log had one more than what was known of: it goes out too, and its offer then is an old one.
  assert.deepEqual(names().slice(1), range(X, 1, 6));
  assert.equal(counts.reads, 1);
  offer(X, 4);
  offer(X, 6);
  await turn();
  assert.equal(names().length, 7);
});

test('a wake-up without content is read from the log', async () => {
  const { outbox, grow, names, counts } = bench();
  grow(X, 2);
  outbox.offer(X, 2, undefined);
  await turn();
  assert.deepEqual(names().slice(1), ['x1', 'x2']);
  assert.equal(counts.reads, 1);
});

test('what this connection sent itself is not written to it, whether it is live or behind', async () => {
  const { outbox, grow, offer, names, state, held } = bench();
  grow(X, 7);
  outbox.own(X, 1);
  offer(X, 2);
  state.holding = true;
  outbox.own(X, 4);
  outbox.own(X, 6);
  offer(X, 5);
  await turn();
  for (const go of held.splice(0)) go();
  await turn();
  assert.deepEqual(names().slice(1), ['x2', 'x3', 'x5', 'x7']);
});

test('a full window, of entries or of bytes, leaves the rest in the log until it is acknowledged', async () => {
  for (const [size, window] of [
    [10, WINDOW_ENTRIES],
    [WINDOW_BYTES / 16, 16],
  ] as const) {
    const { outbox, grow, offer, names, counts, clock } = bench();
    grow(X, 1000, size);
    for (let seq = 1; seq <= 1000; seq++) offer(X, seq);
    await turn();
    assert.equal(names().length - 1, window);
    assert.equal(outbox.unacknowledged, window);
    assert.equal(counts.reads, 0);
    // Less than half of it acknowledged is not worth a read of its own: what else is acknowledged soon shares it.
    outbox.ack(X, 1);
    outbox.ack(X, window / 2 - 1);
    await turn();
    assert.equal(counts.reads, 0);
    clock.pass(50);
    await turn();
    assert.ok(counts.reads > 0);
    assert.ok(names().length - 1 > window);
    for (let acked = 0; acked < 1000; ) {
      acked = names().length - 1;
      outbox.ack(X, acked);
      for (let i = 0; i < 8; i++) await turn();
      assert.ok(outbox.unacknowledged <= window);
    }
    assert.deepEqual(names().slice(1), range(X, 1, 1000));
    grow(X, 1, size);
    const { reads } = counts;
    offer(X, 1001);
    await turn();
    assert.equal(names().at(-1), 'x1001');
    assert.equal(counts.reads, reads, 'it is live again');
  }
});

test('a backlog fills the whole window without an acknowledgement, in however many conversations', async () => {
  const { outbox, grow, names, clock } = bench({ started: false });
  for (const id of [X, 'y', 'z']) grow(id, 85);
  outbox.start([X, 'y', 'z'].map((conversationId) => ({ conversationId, lastSeq: 85, cursor: 0 })));
  for (let i = 0; i < 16; i++) {
    await turn();
    clock.pass(50);
  }
  assert.equal(names().length, 255 + 1);
  assert.equal(names().at(-1), 'sync.done');
  assert.equal(outbox.unacknowledged, 255);
});

test('the window is never overdrawn, but one entry always has room', async () => {
  const { grow, offer, outbox, names, clock } = bench();
  grow(X, 3, WINDOW_BYTES * 0.6);
  for (let seq = 1; seq <= 3; seq++) {
    offer(X, seq);
    await turn();
    clock.pass(50);
    await turn();
    assert.equal(outbox.unacknowledged, 1);
    assert.deepEqual(names().slice(1), range(X, 1, seq));
    outbox.ack(X, seq);
  }
  grow(X, 1, WINDOW_BYTES * 1.5);
  offer(X, 4);
  await turn();
  assert.equal(names().at(-1), 'x4');
});

test('a device that read ahead in the history opens its window again', async () => {
  const { outbox, grow, offer, names } = bench();
  grow(X, 400);
  for (let seq = 1; seq <= 256; seq++) offer(X, seq);
  outbox.ack(X, 300);
  assert.equal(outbox.unacknowledged, 0);
  outbox.check(X, 400);
  for (let i = 0; i < 8; i++) await turn();
  assert.equal(names().at(-1), 'x400');
});

test('a conversation that begins later starts with entry 1, or is looked up', async () => {
  const { grow, offer, names, counts, outbox } = bench();
  grow('new', 1);
  offer('new', 1);
  grow('old', 5);
  offer('old', 5);
  await turn();
  assert.deepEqual(names().slice(1), ['new1', ...range('old', 1, 5)]);
  assert.equal(counts.places, 1);
  outbox.offer('strange', 7, 'not for us');
  await turn();
  assert.equal(outbox.has('strange'), false);
  assert.equal(outbox.has('old'), true);
});

test('nothing leaves before the start; what came meanwhile follows it', async () => {
  const { outbox, grow, offer, names } = bench({ started: false });
  grow(X, 3);
  offer(X, 3);
  outbox.state('k', 'state1');
  outbox.state('k', 'state2');
  outbox.ephemeral('typing');
  await turn();
  assert.deepEqual(names(), []);
  outbox.start([{ conversationId: X, lastSeq: 2, cursor: 1 }]);
  await turn();
  assert.deepEqual(names(), ['state2', 'x2', 'x3', 'sync.done']);
});

test('sync.done follows the last entry up to the heads of the start, not later ones', async () => {
  const { outbox, grow, names, state, held, offer, counts } = bench({ started: false });
  grow(X, 100);
  grow('y', 2);
  state.holding = true;
  outbox.start([
    { conversationId: X, lastSeq: 100, cursor: 0 },
    { conversationId: 'y', lastSeq: 2, cursor: 0 },
    { conversationId: 'z', lastSeq: 0, cursor: 0 },
  ]);
  for (let i = 0; i < 3; i++) {
    grow(X, 20);
    offer(X, 100 + 20 * (i + 1));
    for (const go of held.splice(0)) go();
    await turn();
  }
  assert.equal(counts.synced, 1);
  const at = names().indexOf('sync.done');
  assert.ok(names().slice(0, at).includes('x100') && names().slice(0, at).includes('y2'));
  assert.equal(names()[at - 1], 'x128', 'the page that reached the goal goes out as a whole');
});

test('closing in the middle of a read writes nothing more', async () => {
  const { outbox, grow, names, state, held } = bench();
  grow(X, 3);
  state.holding = true;
  outbox.offer(X, 3, undefined);
  await turn();
  outbox.close();
  for (const go of held.splice(0)) go();
  await turn();
  assert.deepEqual(names(), ['sync.done']);
});

test('a read that fails is repeated after a second', async () => {
  const { outbox, grow, names, state, clock, counts } = bench();
  grow(X, 3);
  state.failing = true;
  outbox.offer(X, 3, undefined);
  await turn();
  assert.equal(counts.failed, 1);
  state.failing = false;
  clock.pass(1_000);
  await turn();
  assert.deepEqual(names().slice(1), range(X, 1, 3));
});

test('a congested socket gets only the latest state per key, and nothing ephemeral', async () => {
  const { outbox, writer, names, state } = bench();
  await turn();
  state.result = 'queued';
  outbox.state('a', 'a1');
  await turn();
  assert.equal(writer.congested, true);
  for (const value of ['a2', 'a3', 'b1', 'a4']) outbox.state(value.charAt(0), value);
  outbox.ephemeral('typing');
  await turn();
  assert.deepEqual(names().slice(1), ['a1']);
  state.result = 'sent';
  outbox.drained();
  outbox.ephemeral('typing again');
  await turn();
  assert.deepEqual(names().slice(1), ['a1', 'a4', 'b1', 'typing again']);
});

test('too many states for a congested socket, or a frame that is lost, end the connection', async () => {
  const { outbox, state, counts } = bench();
  state.result = 'queued';
  outbox.state('first', 'first');
  await turn();
  for (let i = 0; i < 1024; i++) outbox.state(`${i}`, 'state');
  assert.equal(counts.overflow, 0);
  outbox.state('one more', 'state');
  assert.equal(counts.overflow, 1);
  const lost = bench();
  lost.state.result = 'dropped';
  lost.outbox.state('k', 'state');
  await turn();
  assert.equal(lost.counts.full, 1);
});

const conversation = fc.constantFrom('x', 'y', 'later');
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('grow' as const), id: conversation, n: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('offer' as const),
      id: conversation,
      back: fc.integer({ min: 0, max: 12 }),
      bare: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('ack' as const), id: conversation, back: fc.integer({ min: 0, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('check' as const), id: conversation }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('fail', 'mend', 'hold', 'release') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 25, 1_000) }) },
);

test('whatever is lost, doubled, reordered or fails, every entry is written exactly once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.integer({ min: 0, max: 400 }), async (steps, backlog) => {
      const { outbox, clock, grow, log, names, state, held, counts } = bench({ started: false });
      grow('x', backlog);
      outbox.start([
        { conversationId: 'x', lastSeq: backlog, cursor: 0 },
        { conversationId: 'y', lastSeq: 0, cursor: 0 },
      ]);
      const written = (id: string): number => names().filter((name) => name.startsWith(id)).length;
      for (const each of steps) {
        if (each.do === 'grow') grow(each.id, each.n);
        else if (each.do === 'offer') {
          const seq = log(each.id).length - each.back;
          if (seq > 0) outbox.offer(each.id, seq, each.bare ? undefined : log(each.id)[seq - 1]);
        } else if (each.do === 'ack') {
          const seq = written(each.id) - each.back;
          if (seq > 0) outbox.ack(each.id, seq);
        } else if (each.do === 'check') {
          if (log(each.id).length > 0) outbox.check(each.id, log(each.id).length);
        } else if (each.do === 'pass') clock.pass(each.ms);
        else {
          if (each.do === 'fail' || each.do === 'mend') state.failing = each.do === 'fail';
          else state.holding = each.do === 'hold';
          if (!state.holding) for (const go of held.splice(0)) go();
        }
        await turn();
      }
      state.failing = false;
      state.holding = false;
      for (const go of held.splice(0)) go();
      await turn();
      for (const id of ['x', 'y', 'later']) if (log(id).length > 0) outbox.check(id, log(id).length);
      for (let i = 0; i < 30; i++) {
        clock.pass(1_000);
        for (const id of ['x', 'y', 'later']) if (written(id) > 0) outbox.ack(id, written(id));
        await turn();
      }
      for (const id of ['x', 'y', 'later'])
        assert.deepEqual(
          names().filter((name) => name.startsWith(id)),
          range(id, 1, log(id).length),
        );
      assert.equal(counts.synced, 1);
      assert.equal(outbox.unacknowledged, 0);
    }),
    { numRuns: 300 },
  );
});
