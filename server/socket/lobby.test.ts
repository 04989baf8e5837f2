import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Socket } from '../listen/transport.ts';
import type { Identity } from '../store/store.ts';
import { createStores } from '../store/stores.ts';
import { manualClock } from '../testing/clock.ts';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';
import type { Lobby } from './lobby.ts';

const stranger = (remoteAddress: string): Socket => ({
  remoteAddress,
  send: () => 'sent',
  cork: (write) => write(),
  end() {},
});

/** All turns are taken, by keys `busy0` to `busy499`. */
async function fill(lobby: Lobby): Promise<void> {
  for (let n = 0; n < 500; n++)
    assert.equal(await lobby.turns.take(`busy${n}`, lobby.accept(stranger('192.0.2.1'))), 'begun');
}

test('strangers of one IPv6 network share its room, whatever addresses they give themselves', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url });
  const admit = (remoteAddress: string) => server.lobby.admit({ remoteAddress, origin: undefined });
  for (let n = 0; n < 50; n++) server.lobby.accept(stranger(`2001:db8:1:2::${n.toString(16)}`));
  assert.deepEqual(admit('2001:db8:1:2:ffff::1'), { status: 503, retryAfterMs: 1_000 });
  assert.equal(admit('2001:db8:1:3::1'), undefined);
});

test('hellos have their turn in order; who leaves makes room; when the first has waited too long nobody else is let in', async () => {
  await using db = await testDatabase();
  const clock = manualClock();
  await using server = startMessaging({ url: db.url, clock });
  const { turns } = server.lobby;
  await fill(server.lobby);

  const greeted: string[] = [];
  const greet = async (identity: Identity) => {
    const client = server.stranger();
    const reply = client
      .request('hello', { token: JSON.stringify(identity) })
      .then(({ userId }) => greeted.push(userId));
    reply.catch(() => {}); // Looked at later.
    await new Promise(setImmediate);
    return { client, reply };
  };
  const [ann, bob, cat, dan] = await Promise.all(['ann', 'bob', 'cat', 'dan'].map((name) => addPerson(db.sql, name)));
  assert.ok(ann && bob && cat && dan);
  const first = await greet(ann);
  const second = await greet(bob);
  const third = await greet(cat);
  assert.equal(turns.waiting, 3);
  second.client.leave();
  assert.equal(turns.waiting, 2);

  // The same device once more: it takes the place, and what waited there is displaced.
  const again = await greet(ann);
  await assert.rejects(first.reply, /closed with 4504/);
  assert.equal(turns.waiting, 2);

  const admitted = () => server.lobby.admit({ remoteAddress: '192.0.2.9', origin: undefined });
  assert.equal(admitted(), undefined);
  clock.pass(15_000);
  assert.deepEqual(admitted(), { status: 503, retryAfterMs: 5_000 });
  const late = await greet(dan);
  clock.pass(14_999);
  assert.deepEqual(greeted, []);

  turns.end('busy0');
  await Promise.all([again.reply, third.reply]);
  assert.deepEqual(greeted, [ann.userId, cat.userId]);
  await late.reply;
  assert.equal(admitted(), undefined);
  assert.equal(turns.waiting, 0);
});

test('a hello that had no turn in time is not let in: it would displace what came after it', async () => {
  await using db = await testDatabase();
  const clock = manualClock();
  await using server = startMessaging({ url: db.url, clock });
  const { turns } = server.lobby;
  await fill(server.lobby);
  const ann = await addPerson(db.sql);
  const client = server.stranger();
  const reply = client.request('hello', { token: JSON.stringify(ann) });
  await new Promise(setImmediate);
  clock.pass(30_000);
  turns.end('busy0');
  await assert.rejects(reply, /closed with 4003/);
  const [device] = await db.sql`select connection_no from devices where id = ${ann.deviceId}`;
  assert.equal(Number(device?.connectionNo ?? device?.connection_no), 0);
});

test('a device is seen when it leaves, if it spoke a while after its hello; else it is told once more what changed', async () => {
  await using db = await testDatabase();
  const clock = manualClock();
  await using server = startMessaging({ url: db.url, clock });
  const { connections } = createStores(server.gate);
  const ann = await addPerson(db.sql);
  /** What was written before has been answered when this is. */
  const seenAt = async () => {
    await connections.touch([ann.deviceId], []);
    while (server.gate.counts().background.running > 0) await new Promise(setImmediate);
    return (await connections.hello(ann)).lastSeenAt;
  };
  const silent = await server.connect(ann);
  clock.pass(10_000);
  silent.leave();
  assert.equal(await seenAt(), undefined);
  const brief = await server.connect(ann);
  await brief.request('ping', {});
  brief.leave();
  assert.equal(await seenAt(), undefined);
  const speaking = await server.connect(ann);
  clock.pass(10_000);
  await speaking.request('ping', {});
  speaking.leave();
  assert.ok((await seenAt()) instanceof Date);
});
