import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { conversationEpoch } from '../../protocol/epoch.ts';
import { groupIdBytes } from '../../protocol/identity.ts';
import type { RequestInput } from '../../protocol/index.ts';
import { createMailboxStore } from '../store/mailbox.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { Refused, startMessaging } from '../testing/messaging.ts';
import { addPhone, encryptedPair, type Server, text } from '../testing/phones.ts';

let db: TestDatabase;
let server: Server;

before(async () => {
  db = await testDatabase();
  server = startMessaging({ url: db.url, requireMls: true, limitFactor: 1000 });
});

after(async () => {
  await server[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
});

const refusedWith = (code: string, details?: object) => (error: unknown) => {
  assert.ok(error instanceof Refused, String(error));
  assert.equal(error.code, code);
  if (details !== undefined) assert.deepEqual(error.details, details);
  return true;
};

/** Everything that a refused commit could have changed. */
async function everything(conversationId: string): Promise<string> {
  const rows = await db.sql`
    select (select json_agg(c) from conversations c where c.id = ${conversationId}) as conversation,
      (select json_agg(g order by g.leaf_index) from group_members g where g.conversation_id = ${conversationId}) as members,
      (select count(*) from conversation_log l where l.conversation_id = ${conversationId}) as entries,
      (select json_agg(m order by m.id) from device_mailbox m where m.conversation_id = ${conversationId}) as mail,
      (select json_agg(k order by k.ref) from key_claims k where k.conversation_id = ${conversationId}) as claims`;
  return JSON.stringify(rows);
}

test('a first commit makes the group: the welcome is delivered, the commit is told, and both sides can talk', async () => {
  const { ada, bob, conversationId, reply, welcome } = await encryptedPair(db, server);
  assert.deepEqual(reply, { seq: 1, epoch: 1, duplicate: false });
  assert.deepEqual([welcome.conversationId, welcome.seq, welcome.epoch], [conversationId, 1, 1]);
  const told = await bob.client.event('commit.new');
  assert.deepEqual([told.seq, told.epoch, told.senderDeviceId], [1, 1, ada.identity.deviceId]);
  const sent = await ada.client.request('message.send', await ada.message(1, conversationId));
  assert.equal(sent.seq, 2);
  assert.equal((await bob.client.event('message.new')).epoch, 1);
  await bob.client.request('message.send', await bob.message(1, conversationId));
  assert.equal((await ada.client.event('message.new')).seq, 3);
  const { conversation } = await ada.client.request('conversation.get', { conversationId });
  assert.deepEqual([conversation.epoch, conversation.lastSeq], [1, 3]);
  assert.deepEqual(
    ada.client.frames.filter((frame) => frame.type === 'commit.new'),
    [],
    'the reply took its place',
  );
});

test('an unread count does not count commits', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const before = await bob.client.request('conversation.get', { conversationId });
  assert.equal(before.conversation.unread, 0);
  await ada.client.request('message.send', await ada.message(1, conversationId));
  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 1 }));
  const { conversation } = await bob.client.request('conversation.get', { conversationId });
  assert.deepEqual([conversation.unread, conversation.lastSeq, conversation.readSeq], [1, 3, 0]);
});

test('a retried commit gets its first answer, also when the epoch has moved on, and its id can not be used for another', async () => {
  const { ada, bob, conversationId, first } = await encryptedPair(db, server);
  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 1 }));
  const before = await everything(conversationId);
  const copies = await Promise.all([1, 2, 3].map(() => ada.client.request('commit.send', first.body)));
  for (const copy of copies) assert.deepEqual(copy, { seq: 1, epoch: 1, duplicate: true });
  const other = { ...(await ada.prepare(conversationId, { baseEpoch: 2 })).body, clientId: first.body.clientId };
  await assert.rejects(
    ada.client.request('commit.send', other),
    (error: Refused) => error.code === 'idempotency_conflict' && error.details?.seq === 1,
  );
  // Nor for a message, nor a message's for a commit.
  const message = { ...(await ada.message(2, conversationId)), clientId: first.body.clientId };
  await assert.rejects(ada.client.request('message.send', message), refusedWith('idempotency_conflict'));
  assert.equal(await everything(conversationId), before);
  await bob.client.request('ping', {});
});

test('a commit on an epoch that is over is refused with the present one', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const late = await bob.prepare(conversationId, { baseEpoch: 1 });
  const won = await ada.prepare(conversationId, { baseEpoch: 1 });
  await ada.commit(won);
  await assert.rejects(bob.client.request('commit.send', late.body), refusedWith('stale_epoch', { epoch: 2 }));
  await assert.rejects(
    bob.client.request('commit.send', { ...late.body, baseEpoch: 7 }),
    refusedWith('stale_epoch', { epoch: 2 }),
  );
  // The loser drops its own, follows the winner, and tries again.
  await bob.follow(won.body.commit);
  assert.equal((await bob.commit(await bob.prepare(conversationId, { baseEpoch: 2 }))).epoch, 3);
});

test('two devices that commit at once, two thousand times: one winner per epoch, and a log without a gap', async () => {
  const rounds = 200;
  await using other = startMessaging({ url: db.url, requireMls: true });
  const wins = [0, 0];

  async function race({ ada, bob, conversationId }: Awaited<ReturnType<typeof encryptedPair>>): Promise<void> {
    // The server can't check a commit's tags, so one real commit of each with the epoch written over serves all rounds.
    const templates = await Promise.all([ada, bob].map((phone) => phone.prepare(conversationId, { baseEpoch: 1 })));
    const clients = [ada.client, await other.connect(bob.identity)];
    for (let round = 1; round <= rounds; round++) {
      const results = await Promise.allSettled(
        clients.map((client, i) => client.request('commit.send', atEpoch(templates[i]?.body, round))),
      );
      assert.equal(results.filter((result) => result.status === 'fulfilled').length, 1, `round ${round}`);
      for (const [i, result] of results.entries()) {
        if (result.status === 'fulfilled') {
          assert.deepEqual(result.value, { seq: round + 1, epoch: round + 1, duplicate: false });
          wins[i] = (wins[i] ?? 0) + 1;
        } else refusedWith('stale_epoch', { epoch: round + 1 })(result.reason);
      }
    }
    const [log] = await db.sql<{ entries: number; lowest: number; highest: number; epochs: number }[]>`
      select count(*) as entries, min(seq) as lowest, max(seq) as highest, count(distinct epoch) as epochs
      from conversation_log where conversation_id = ${conversationId}`;
    assert.deepEqual({ ...log }, { entries: rounds + 1, lowest: 1, highest: rounds + 1, epochs: rounds + 1 });
  }

  await Promise.all(Array.from({ length: 10 }, async () => race(await encryptedPair(db, server))));
  assert.ok(
    wins.every((count) => count > 0),
    `each wins at times: ${wins.join()}`,
  );
});

test('one account commits only so often in a conversation, also in vain, and stops nobody else', async () => {
  await using strict = startMessaging({ url: db.url, requireMls: true, limitFactor: 0.01 });
  const { ada, bob, conversationId, first } = await encryptedPair(db, strict);
  const late = () => ada.client.request('commit.send', { ...first.body, clientId: randomUUID() });
  // The first commit was one of the six.
  for (let n = 1; n < 6; n += 1) await assert.rejects(late(), refusedWith('stale_epoch', { epoch: 1 }));
  const before = await everything(conversationId);
  await assert.rejects(late(), refusedWith('rate_limited', { bucket: 'commit' }));
  assert.equal(await everything(conversationId), before);
  assert.equal((await bob.commit(await bob.prepare(conversationId, { baseEpoch: 1 }))).epoch, 2);
  // Conversations that are made up have no count of their own: six in each would have no end.
  const madeUp = (id = randomUUID()) => {
    const groupId = Buffer.from(groupIdBytes(id, 0)).toString('base64url');
    return ada.client.request('commit.send', { ...first.body, conversationId: id, groupId, clientId: randomUUID() });
  };
  // Seven of the account's 360 tries are spent by now.
  for (let n = 7; n < 360; n += 1) await assert.rejects(madeUp(), refusedWith('not_found'));
  await assert.rejects(madeUp(), refusedWith('rate_limited', { bucket: 'commit_account' }));
});

test('commits and messages that one connection sends without waiting are stored and answered in that order', async () => {
  const { ada, conversationId } = await encryptedPair(db, server);
  const template = await ada.prepare(conversationId, { baseEpoch: 1 });
  const stale = await ada.message(1, conversationId);
  const answers: number[] = [];
  const expected: number[] = [];
  let epoch = 1;
  let seq = 1;
  const pending: Promise<void>[] = [];
  for (let i = 0; i < 200; i++) {
    const isCommit = i % 5 === 4;
    const sent = isCommit
      ? ada.client.request('commit.send', atEpoch(template.body, epoch++))
      : ada.client.request('message.send', {
          ...stale,
          clientId: randomUUID(),
          epoch,
          mls: atMessageEpoch(stale.mls, epoch),
        });
    expected.push(++seq);
    pending.push(sent.then((reply) => void answers.push(reply.seq)));
    if (pending.length % 50 === 0) await Promise.all(pending);
  }
  await Promise.all(pending);
  assert.deepEqual(answers, expected);
});

test('of messages to a group the epoch, the group and the kind must be right, and nothing else is stored', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const { conversationId: elsewhere, ada: eve } = await encryptedPair(db, server);
  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 1 }));
  const good = await ada.message(2, conversationId);
  const before = await everything(conversationId);
  const send = (body: Partial<RequestInput<'message.send'>>) =>
    ada.client.request('message.send', { ...good, clientId: randomUUID(), ...body });
  const badly = (reason: string) => refusedWith('bad_request', { field: 'mls', reason });
  await assert.rejects(send({ epoch: 0 }), refusedWith('stale_epoch', { epoch: 2 }));
  await assert.rejects(send({ epoch: 1 }), badly('wrong_epoch'));
  await assert.rejects(send({ epoch: 3 }), badly('wrong_epoch'));
  await assert.rejects(send({ epoch: 3, mls: atMessageEpoch(good.mls, 3) }), refusedWith('stale_epoch', { epoch: 2 }));
  await assert.rejects(send({ epoch: conversationEpoch(1, 2) }), badly('wrong_group'));
  await assert.rejects(send({ mls: (await eve.message(1, elsewhere)).mls }), badly('wrong_group'));
  await assert.rejects(
    send({ mls: (await ada.prepare(conversationId, { baseEpoch: 2 })).body.commit }),
    badly('wrong_wire_format'),
  );
  await assert.rejects(send({ mls: `${good.mls}AAAA` }), badly('trailing_bytes'));
  await assert.rejects(send({ mls: 'AAAA' }), badly('truncated'));
  assert.equal(await everything(conversationId), before);
  // A device that is not in the group has no business there, whosever it is.
  const second = await addPhone(db, server, bob);
  await assert.rejects(
    second.client.request('message.send', { ...good, clientId: randomUUID() }),
    refusedWith('forbidden'),
  );
  await assert.rejects(
    eve.client.request('message.send', { ...good, clientId: randomUUID() }),
    refusedWith('not_found'),
  );
  assert.equal((await send({})).seq, 3);
});

test('epoch 0 is never taken again once there is a group, also where a server would take it', async () => {
  const { ada, conversationId } = await encryptedPair(db, server);
  const lenient = startMessaging({ url: db.url, requireMls: false });
  const client = await lenient.connect(ada.identity);
  const message = { conversationId, clientId: randomUUID(), epoch: 0, mls: 'AAAA' };
  await assert.rejects(client.request('message.send', message), refusedWith('stale_epoch', { epoch: 1 }));
  await lenient[Symbol.asyncDispose]();
});

test('a message of the epoch before is taken for ten seconds, unless that commit removed somebody', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const old = await bob.message(1, conversationId);
  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 1 }));
  assert.equal((await bob.client.request('message.send', old)).seq, 3);
  await db.sql`update conversations set last_commit_at = last_commit_at - interval '11 s' where id = ${conversationId}`;
  await assert.rejects(
    bob.client.request('message.send', { ...old, clientId: randomUUID() }),
    refusedWith('stale_epoch', { epoch: 2 }),
  );
  // Accepted once is accepted for good.
  assert.deepEqual(await bob.client.request('message.send', old).then(({ seq, duplicate }) => [seq, duplicate]), [
    3,
    true,
  ]);

  const also = await ada.message(2, conversationId);
  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 2, remove: [[bob.identity.deviceId, 1]] }));
  await assert.rejects(ada.client.request('message.send', also), refusedWith('stale_epoch', { epoch: 3 }));
});

test('after a revocation nothing is sent until a commit has removed the device', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const second = await addPhone(db, server, bob);
  await second.publish(1);
  const { packages } = await ada.claim(conversationId);
  const [claimed] = packages;
  assert.ok(claimed);
  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 1, add: [[second, claimed]] }));
  await second.client.event('welcome.new');

  await db.sql`update devices set revoked_at = now() where id = ${second.identity.deviceId}`;
  await assert.rejects(
    ada.client.request('message.send', await ada.message(2, conversationId)),
    refusedWith('removal_required'),
  );
  await assert.rejects(
    second.client.request('message.send', await ada.message(2, conversationId)),
    refusedWith('unauthenticated'),
  );
  // A commit that leaves it in helps nobody.
  await assert.rejects(
    ada.commit(await ada.prepare(conversationId, { baseEpoch: 2 })),
    refusedWith('removal_required'),
  );
  const left = await db.sql`select from key_packages where device_id = ${second.identity.deviceId}`;
  assert.equal(left.length, 0);

  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 2, remove: [[second.identity.deviceId, 2]] }));
  await ada.client.request('message.send', await ada.message(3, conversationId));
});

test('a commit that is adding a device while it is revoked either fails or leaves the removal required', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  for (let round = 0; round < 12; round++) {
    const next = await addPhone(db, server, bob);
    await next.publish(1);
    const { packages } = await ada.claim(conversationId, [next.identity.deviceId]);
    const [claimed] = packages;
    assert.ok(claimed);
    const { conversation } = await ada.client.request('conversation.get', { conversationId });
    const candidate = await ada.prepare(conversationId, { baseEpoch: conversation.epoch, add: [[next, claimed]] });
    const revoke = () => db.sql`update devices set revoked_at = now() where id = ${next.identity.deviceId}`.execute();
    // The commit needs two steps, so it has to be ahead to win.
    const early = round % 3 === 0 ? revoke() : undefined;
    const committing = ada.commit(candidate);
    if (round % 3 === 2) await ada.client.request('ping', {});
    const [outcome] = await Promise.allSettled([committing, early ?? revoke()]);
    const [state] = await db.sql<{ required: boolean; leaf: number | null }[]>`
      select removal_required as required, (select leaf_index from group_members g
        where g.conversation_id = c.id and g.device_id = ${next.identity.deviceId}) as leaf
      from conversations c where id = ${conversationId}`;
    assert.ok(state);
    assert.equal(outcome.status === 'fulfilled', state.leaf !== null);
    assert.equal(state.required, state.leaf !== null);
    if (state.leaf === null) continue;
    const cleared = {
      baseEpoch: conversation.epoch + 1,
      remove: [[next.identity.deviceId, state.leaf]] as [string, number][],
    };
    await ada.commit(await ada.prepare(conversationId, cleared));
  }
});

test('an added device starts behind the commit that added it, and the others before it', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  for (let i = 0; i < 5; i++) await ada.client.request('message.send', await ada.message(1, conversationId));
  const second = await addPhone(db, server, bob);
  await second.publish(1);
  second.client.leave();
  const { packages } = await ada.claim(conversationId);
  const [claimed] = packages;
  assert.ok(claimed);
  const { seq } = await ada.commit(await ada.prepare(conversationId, { baseEpoch: 1, add: [[second, claimed]] }));
  assert.equal(seq, 7);
  await ada.client.request('message.send', await ada.message(2, conversationId));
  const back = await server.connect(second.identity);
  await back.event('sync.done');
  const entries = back.frames.flatMap((frame) =>
    frame.type === 'message.new' || frame.type === 'commit.new' ? [frame.body] : [],
  );
  assert.deepEqual(
    entries.map((entry) => (entry as { seq: number }).seq),
    [8],
  );
});

test('welcomes come at every connect until they are acknowledged, and only to the device they are for', async () => {
  const { ada, bob, conversationId, welcome } = await encryptedPair(db, server);
  const again = await server.connect(bob.identity);
  assert.deepEqual(await again.event('welcome.new'), welcome);
  // Another device of the same person can not acknowledge it.
  const second = await addPhone(db, server, bob);
  second.client.notify('welcome.ack', { id: welcome.id });
  await second.client.request('ping', {});
  const third = await server.connect(bob.identity);
  assert.deepEqual(await third.event('welcome.new'), welcome);
  third.notify('welcome.ack', { id: welcome.id });
  third.notify('welcome.ack', { id: randomUUID() });
  await until(async () => (await db.sql`select from welcomes where conversation_id = ${conversationId}`).length === 0);
  const fourth = await server.connect(bob.identity);
  await fourth.event('keys.low');
  assert.deepEqual(
    [...fourth.frames, ...second.client.frames, ...ada.client.frames].filter((frame) => frame.type === 'welcome.new'),
    [],
  );
});

test('a device with many welcomes gets a window of them, and the rest as it acknowledges', async () => {
  const bob = await addPhone(db, server);
  const total = 20;
  await bob.publish(total);
  bob.client.leave();
  const template = await encryptedPair(db, server);
  for (let i = 0; i < total; i++) {
    await db.sql`insert into welcomes (conversation_id, seq, welcome) values (${template.conversationId}, ${100 + i}, '\\x00')`;
    await db.sql`insert into device_mailbox (device_id, conversation_id, seq, epoch, created_at)
      values (${bob.identity.deviceId}, ${template.conversationId}, ${100 + i}, ${i}, now() + ${i} * interval '1 ms')`;
  }
  const back = await server.connect(bob.identity);
  const first = await Promise.all(Array.from({ length: 16 }, () => back.event('welcome.new')));
  assert.deepEqual(
    first.map(({ seq }) => seq),
    Array.from({ length: 16 }, (_, i) => 100 + i),
  );
  await back.request('ping', {});
  assert.equal(back.frames.filter((frame) => frame.type === 'welcome.new').length, 0);
  for (const { id } of first.slice(0, 4)) back.notify('welcome.ack', { id });
  const rest = await Promise.all(Array.from({ length: 4 }, () => back.event('welcome.new')));
  assert.deepEqual(rest.map(({ seq }) => seq).sort(), [116, 117, 118, 119]);
});

test('a welcome whose announcement was lost is found by the next look at the mailboxes', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const second = await addPhone(db, server, bob);
  await second.publish(1);
  // Two instances that can't hear each other.
  await using deaf = startMessaging({ url: db.url, requireMls: true });
  const client = await deaf.connect(second.identity);
  await client.event('sync.done');
  const [claimed] = (await ada.claim(conversationId)).packages;
  assert.ok(claimed);
  const { seq } = await ada.commit(await ada.prepare(conversationId, { baseEpoch: 1, add: [[second, claimed]] }));
  await client.request('ping', {});
  assert.deepEqual(
    client.frames.filter(({ type }) => type === 'welcome.new'),
    [],
  );
  await Promise.all([deaf.mailbox.check(), deaf.mailbox.check()]);
  assert.equal((await client.event('welcome.new')).seq, seq);
  await deaf.mailbox.check();
  await client.request('keys.devices', { userId: bob.identity.userId });
  assert.deepEqual(
    client.frames.filter(({ type }) => type === 'welcome.new'),
    [],
    'once per connection',
  );
});

test('a welcome that nobody fetches is gone after thirty days', async () => {
  const { bob, conversationId } = await encryptedPair(db, server);
  await db.sql`update device_mailbox set created_at = now() - interval '31 days' where conversation_id = ${conversationId}`;
  const again = await server.connect(bob.identity);
  await again.event('keys.low');
  assert.deepEqual(
    again.frames.filter(({ type }) => type === 'welcome.new'),
    [],
  );
  await createMailboxStore(server.gate).clean();
  const left = await db.sql`select from device_mailbox where conversation_id = ${conversationId}
    union all select from welcomes where conversation_id = ${conversationId}`;
  assert.equal(left.length, 0);
});

test('any member may start over with a new group, above every epoch of the old one', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const old = await bob.message(1, conversationId);
  // Bob lost his group, and adds Ada's device, which is in the old one, to a new one.
  await ada.publish(1);
  await assert.rejects(bob.claim(conversationId, [ada.identity.deviceId]), refusedWith('conflict'));
  const { packages } = await bob.claim(conversationId, undefined, true);
  const [claimed] = packages;
  assert.ok(claimed);
  assert.equal(claimed.deviceId, ada.identity.deviceId);
  const skipping = await bob.prepare(
    conversationId,
    { baseEpoch: 1, add: [[ada, claimed]] },
    await bob.newGroup(conversationId, 2),
  );
  await assert.rejects(
    bob.client.request('commit.send', skipping.body),
    refusedWith('bad_request', { field: 'groupId', reason: 'wrong_group' }),
  );
  const reset = await bob.prepare(
    conversationId,
    { baseEpoch: 1, add: [[ada, claimed]] },
    await bob.newGroup(conversationId, 1),
  );
  const reply = await bob.commit(reset);
  const epoch = conversationEpoch(1, 1);
  assert.deepEqual(reply, { seq: 2, epoch, duplicate: false });
  const { welcome, epoch: told } = await ada.client.event('welcome.new');
  assert.equal(told, epoch);
  await ada.join(welcome, claimed.package);
  // No grace for the old group, whatever its messages say.
  await assert.rejects(bob.client.request('message.send', old), refusedWith('stale_epoch', { epoch }));
  await assert.rejects(
    bob.client.request('message.send', { ...old, epoch: epoch - 1 }),
    refusedWith('bad_request', { field: 'mls', reason: 'wrong_group' }),
  );
  await ada.client.request('message.send', await ada.message(epoch, conversationId));
  assert.equal((await ada.commit(await ada.prepare(conversationId, { baseEpoch: epoch }))).epoch, epoch + 1);
});

test('what is wrong with a commit is named, and changes nothing', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const other = await encryptedPair(db, server);
  const [second, mallory] = await Promise.all([addPhone(db, server, bob), addPhone(db, server)]);
  await Promise.all([second.publish(3), mallory.publish(1)]);
  const { packages } = await ada.claim(conversationId);
  const [claimed] = packages;
  assert.ok(claimed);
  const good = await ada.prepare(conversationId, { baseEpoch: 1, add: [[second, claimed]] });
  const update = await ada.prepare(conversationId, { baseEpoch: 1 });
  const before = await everything(conversationId);
  const badly = async (field: string, reason: string, body: Partial<RequestInput<'commit.send'>>, from = ada) =>
    assert.rejects(
      from.client.request('commit.send', { ...good.body, clientId: randomUUID(), ...body }),
      refusedWith('bad_request', { field, reason }),
      `${field} ${reason}`,
    );
  const { adds, commit, groupId } = good.body;
  await badly('commit', 'adds_differ', { adds: [], welcome: undefined });
  await badly('commit', 'adds_differ', { ...update.body, adds, welcome: good.body.welcome });
  await badly('commit', 'removes_differ', { removes: [bob.identity.deviceId] });
  await badly('welcome', 'welcome_differs', { welcome: undefined });
  await badly('welcome', 'welcome_differs', { ...update.body, welcome: good.body.welcome });
  await badly('welcome', 'welcome_differs', { welcome: other.first.body.welcome });
  await badly('welcome', 'trailing_bytes', { welcome: grown(good.body.welcome) });
  await badly('groupId', 'wrong_group', { groupId: other.first.body.groupId });
  await badly('groupId', 'bad_group_id', { groupId: 'AAAA' });
  await badly('groupId', 'wrong_group', { groupId: text(groupIdBytes(conversationId, 7)) });
  await badly('commit', 'wrong_group', {
    commit: (await other.ada.prepare(conversationId, { baseEpoch: 1 })).body.commit,
    adds: [],
    welcome: undefined,
  });
  await badly('commit', 'wrong_epoch', { commit: overwritten(commit, 9) });
  await badly('commit', 'trailing_bytes', { commit: grown(commit) });
  await badly('commit', 'wrong_wire_format', { commit: claimed.package });
  await badly('commit', 'wrong_wire_format', { commit: good.body.welcome ?? '' });
  await badly('commit', 'wrong_sender', {}, bob);
  // Bob has claimed nothing, so he can't add the package that Ada claimed.
  const stolen = await bob.prepare(conversationId, { baseEpoch: 1, add: [[second, claimed]] });
  await badly('adds', 'unclaimed', stolen.body, bob);
  // A third person's device is claimed elsewhere, and has no place here.
  await mallory.client.request('conversation.open', { userId: ada.identity.userId });
  const { conversation } = await ada.client.request('conversation.open', { userId: mallory.identity.userId });
  const [ghost] = (await ada.claim(conversation.id)).packages;
  assert.ok(ghost);
  await badly('adds', 'unclaimed', (await ada.prepare(conversationId, { baseEpoch: 1, add: [[mallory, ghost]] })).body);
  await assert.rejects(
    second.client.request('commit.send', { ...good.body, clientId: randomUUID(), groupId }),
    refusedWith('forbidden'),
  );
  await assert.rejects(
    mallory.client.request('commit.send', { ...good.body, clientId: randomUUID() }),
    refusedWith('not_found'),
  );
  assert.equal(await everything(conversationId), before);

  await ada.commit(good);
  // A package is good for one commit.
  await ada.commit(await ada.prepare(conversationId, { baseEpoch: 2, remove: [[second.identity.deviceId, 2]] }));
  const reused = await ada.prepare(conversationId, { baseEpoch: 3, add: [[second, claimed]] });
  await badly('adds', 'unclaimed', reused.body);
});

test('whoever is blocked may not commit, and whoever is logged out neither', async () => {
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const candidate = await ada.prepare(conversationId, { baseEpoch: 1 });
  await db.sql`insert into blocks (user_id, blocked_id) values (${bob.identity.userId}, ${ada.identity.userId})`;
  await assert.rejects(ada.client.request('commit.send', candidate.body), refusedWith('forbidden'));
  await assert.rejects(ada.claim(conversationId), refusedWith('forbidden'));
  await db.sql`update sessions set ended_at = now(), ended_reason = 'logged_out' where id = ${ada.identity.sessionId}`;
  await assert.rejects(ada.client.request('commit.send', candidate.body), refusedWith('unauthenticated'));
});

/** A body with a commit of another epoch; only the clear part of the commit knows it. */
function atEpoch(body: RequestInput<'commit.send'> | undefined, epoch: number): RequestInput<'commit.send'> {
  assert.ok(body);
  return { ...body, clientId: randomUUID(), baseEpoch: epoch, commit: overwritten(body.commit, epoch) };
}

/** In both kinds of message the epoch follows version, format and group id: 2 + 2 + 1 + 20 bytes. */
function overwritten(message: string, epoch: number): string {
  const bytes = Buffer.from(message, 'base64url');
  bytes.writeBigUInt64BE(BigInt(epoch), 25);
  return text(bytes);
}

const atMessageEpoch = overwritten;

const grown = (message: string | undefined): string =>
  text(Buffer.concat([Buffer.from(message ?? '', 'base64url'), Buffer.alloc(1)]));

async function until(reached: () => Promise<boolean>): Promise<void> {
  while (!(await reached()));
}
