import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { type Bus, type BusListener, createLocalBus } from '../bus/bus.ts';
import { type ManualClock, manualClock } from '../testing/clock.ts';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

/** The way to a bus on which nothing ever arrives, and which is well when the test says so. */
function silentBus() {
  let doubtful = false;
  let listener: BusListener | undefined;
  const bus: Bus = {
    ...createLocalBus(),
    get doubtful() {
      return doubtful;
    },
    listen(given) {
      listener = given;
    },
  };
  return {
    bus,
    breaks(): void {
      doubtful = true;
      listener?.doubt();
    },
    returns(): void {
      doubtful = false;
      listener?.doubt();
    },
    othersBroke: (since: number) => listener?.doubt(since),
  };
}

/** Ada's instance and Bob's, which can't hear each other; in their conversation is one message. */
async function apart(t: TestContext, clock?: ManualClock) {
  const db = await testDatabase();
  const way = silentBus();
  const here = startMessaging({ url: db.url, bus: way.bus, ...(clock && { clock }) });
  const there = startMessaging({ url: db.url, bus: silentBus().bus });
  t.after(async () => {
    await here[Symbol.asyncDispose]();
    await there[Symbol.asyncDispose]();
    await db[Symbol.asyncDispose]();
  });
  const [ada, bob] = await Promise.all([addPerson(db.sql), addPerson(db.sql)]);
  const a = await here.connect(ada);
  await a.event('sync.done');
  const { conversation } = await a.request('conversation.open', { userId: bob.userId });
  const conversationId = conversation.id;
  const { seq } = await a.request('message.send', { conversationId, clientId: randomUUID(), epoch: 0, mls: 'AAAA' });
  const b = await there.connect(bob);
  await b.request('conversation.accept', { conversationId });
  /** What Bob does, and nobody hears. */
  async function change(): Promise<void> {
    b.notify('ack', { conversationId, seq });
    await b.request('receipt.read', { conversationId, seq });
    await b.request('conversation.update', { conversationId, expireAfterMs: 3_600_000 });
  }
  /** What Ada is told. */
  async function told(): Promise<void> {
    const { conversation: now } = await a.event('conversation.changed');
    const member = now.members.find(({ userId }) => userId === bob.userId);
    assert.deepEqual([now.expireAfterMs, member?.deliveredSeq, member?.readSeq], [3_600_000, seq, seq]);
  }
  const seen = async (): Promise<number> => {
    const [row] = await db.sql<
      { at: Date | null }[]
    >`select last_seen_at as at from devices where id = ${ada.deviceId}`;
    return row?.at?.getTime() ?? 0;
  };
  return { db, here, way, ada, a, change, told, seen };
}

test('marks and settings that changed while the bus was broken are told when it is back', async (t) => {
  const { way, a, change, told } = await apart(t);
  way.breaks();
  await change();
  await a.request('ping', {});
  a.frames.length = 0;
  way.returns();
  await told();
});

test('they are told when PostgreSQL is back, if that was away when the bus came back', async (t) => {
  const { here, db, way, a, change, told } = await apart(t);
  way.breaks();
  await change();
  await here.positions.check();
  a.frames.length = 0;
  await db.sql`alter table conversation_participants rename to elsewhere`;
  way.returns();
  await here.positions.check();
  await db.sql`alter table elsewhere rename to conversation_participants`;
  await told();
});

test('they are told when another instance could not publish and kept too little', async (t) => {
  const { db, way, a, change, told } = await apart(t);
  const since = Date.now();
  await change();
  await db.sql`update conversation_participants set marked_at = marked_at - interval '1 hour'`;
  await db.sql`update conversations set changed_at = changed_at - interval '1 hour'`;
  a.frames.length = 0;
  way.othersBroke(since - 3_600_000);
  await told();
});

test('no device has heard everything while the bus is doubtful, nor when it leaves', async (t) => {
  const clock = manualClock();
  const { here, db, way, ada, a, seen } = await apart(t, clock);
  // It spoke a while after its hello: so it heard what it was told.
  clock.pass(15_000);
  await a.request('ping', {});
  await db.sql`update devices set last_seen_at = now() - interval '1 hour'`;
  const before = await seen();
  way.breaks();
  await here.positions.check();
  assert.equal(await seen(), before);
  a.leave();
  while (here.gate.counts().background.running > 0) await new Promise(setImmediate);
  assert.equal(await seen(), before);

  const again = await here.connect(ada);
  clock.pass(15_000);
  await again.request('ping', {});
  way.returns();
  await here.positions.check();
  await here.positions.check();
  assert.ok((await seen()) > before, 'it is noted again once all were told');
});

test('who would have to be told too much starts over, and is told so at the next hello', async (t) => {
  const { db, here, way, ada, a } = await apart(t);
  await db.sql`
    with made as (insert into conversations (id, kind, last_seq) select gen_random_uuid(), 'group', 1 from generate_series(1, 201) returning id)
    insert into conversation_participants (conversation_id, user_id) select id, ${ada.userId} from made`;
  await db.sql`update devices set last_seen_at = now()`;
  way.breaks();
  way.returns();
  assert.equal((await a.ended()).code, 4000);
  const again = await here.connect(ada);
  assert.deepEqual(await again.event('sync.done'), { resync: true });
  await here.positions.check();
  assert.equal(again.closed, undefined, 'once');
});
