import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Socket } from '../listen/transport.ts';
import { manualClock } from '../testing/clock.ts';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addPerson } from '../testing/people.ts';

const stranger = (remoteAddress: string): Socket => ({
  remoteAddress,
  send: () => 'sent',
  cork: (write) => write(),
  bufferedBytes: () => 0,
  end() {},
});

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
  const busy = Array.from({ length: 500 }, () => server.lobby.accept(stranger('192.0.2.1')));
  for (const session of busy) assert.equal(await turns.take(session), true);

  const [ann, bob, cat] = [await addPerson(db.sql), await addPerson(db.sql), await addPerson(db.sql)];
  const greeted: string[] = [];
  const greet = async (identity: typeof ann) => {
    const client = server.stranger();
    const reply = client
      .request('hello', { token: JSON.stringify(identity) })
      .then(({ userId }) => greeted.push(userId));
    await new Promise(setImmediate);
    return { client, reply };
  };
  const first = await greet(ann);
  const second = await greet(bob);
  const third = await greet(cat);
  assert.equal(turns.waiting, 3);
  second.client.leave();
  assert.equal(turns.waiting, 2);
  assert.equal(server.lobby.admit({ remoteAddress: '192.0.2.9', origin: undefined }), undefined);
  clock.pass(15_000);
  assert.deepEqual(server.lobby.admit({ remoteAddress: '192.0.2.9', origin: undefined }), {
    status: 503,
    retryAfterMs: 5_000,
  });
  assert.deepEqual(greeted, []);

  turns.end();
  await Promise.all([first.reply, third.reply]);
  assert.deepEqual(greeted, [ann.userId, cat.userId]);
  assert.equal(server.lobby.admit({ remoteAddress: '192.0.2.9', origin: undefined }), undefined);
  assert.equal(server.lobby.entering.size, 0);
});
