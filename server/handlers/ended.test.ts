import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as accountStore from '../store/account-changes.ts';
import { createKeyStore } from '../store/keys.ts';
import * as people from '../store/people.ts';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';
import { addDevice } from '../testing/people.ts';
import { addPhone, encryptedPair } from '../testing/phones.ts';

test('whoever has lost the session can do nothing any more, also if it ended after the request was taken', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url, requireMls: true, limitFactor: 1_000 });
  const { gate } = server;
  const keys = createKeyStore(gate);
  const { ada, bob, conversationId } = await encryptedPair(db, server);
  const next = await addPhone(db, server, bob);
  await next.publish(1);
  const victim = await addDevice(db.sql, ada.identity.userId);
  const end = {
    session: (id: string) => db.sql`update sessions set ended_at = now(), ended_reason = 'logged_out' where id = ${id}`,
    device: (_: string, id: string) => db.sql`update devices set revoked_at = now() where id = ${id}`,
    account: (_: string, __: string, id: string) => db.sql`update users set suspended_at = now() where id = ${id}`,
  };
  for (const [what, finish] of Object.entries(end)) {
    await finish(ada.identity.sessionId, ada.identity.deviceId, ada.identity.userId);
    const me = ada.identity;
    assert.equal(await people.revokeDevice(gate, me, victim.deviceId), 'unauthenticated', what);
    assert.equal(await people.updateProfile(gate, me, { displayName: 'Mallory' }), undefined, what);
    assert.equal(await people.addBlock(gate, me, bob.identity.userId), 'unauthenticated', what);
    assert.equal(await people.removeBlock(gate, me, bob.identity.userId), false, what);
    assert.equal(await keys.publish(me, [], undefined, 10), 'unauthenticated', what);
    assert.equal((await keys.claim(me, conversationId, [next.identity.deviceId], 1)).length, 0, what);
    await db.sql`update sessions set ended_at = null, ended_reason = null where id = ${me.sessionId}`;
    await db.sql`update devices set revoked_at = null where id = ${me.deviceId}`;
    await db.sql`update users set suspended_at = null where id = ${me.userId}`;
  }
  const [left] = await db.sql<{ blocks: number; packages: number; name: string }[]>`
    select (select count(*)::int from blocks) as blocks,
      (select count(*)::int from key_packages where device_id = ${next.identity.deviceId}) as packages,
      (select display_name from users where id = ${ada.identity.userId}) as name`;
  assert.deepEqual([left?.blocks, left?.packages, left?.name === 'Mallory'], [0, 1, false]);
});

test('an account that is deleted while commits add its devices leaves no group with them, and no deadlock', async () => {
  await using db = await testDatabase();
  await using server = startMessaging({ url: db.url, requireMls: true, limitFactor: 1_000 });
  for (let round = 0; round < 8; round += 1) {
    const { ada, bob, conversationId } = await encryptedPair(db, server);
    const devices = [await addPhone(db, server, bob), await addPhone(db, server, bob)];
    for (const each of devices) await each.publish(1);
    const { packages } = await ada.claim(
      conversationId,
      devices.map(({ identity }) => identity.deviceId),
    );
    const add = devices.map((device) => {
      const claimed = packages.find(({ deviceId }) => deviceId === device.identity.deviceId);
      assert.ok(claimed);
      return [device, claimed] as [typeof device, typeof claimed];
    });
    const candidate = await ada.prepare(conversationId, { baseEpoch: 1, add });
    const { userId } = bob.identity;
    await db.sql`update users set password_hash = 'x' where id = ${userId}`;
    const deleting = () => accountStore.deleteAccount(server.gate, userId, 'x');
    const early = round % 3 === 0 ? deleting() : undefined;
    const committing = ada.commit(candidate);
    if (round % 3 === 2) await ada.client.request('ping', {});
    const [, deletion] = await Promise.allSettled([committing, early ?? deleting()]);
    assert.equal(deletion.status, 'fulfilled', String(deletion.status === 'rejected' && deletion.reason));
    assert.ok(deletion.value);
    assert.equal(deletion.value.endedSessions.length, 3);
    assert.deepEqual([...deletion.value.contacts].sort(), [ada.identity.userId, userId].sort());
    assert.deepEqual(deletion.value.shown, [conversationId]);
    const [state] = await db.sql<{ required: boolean; packages: number; offers: number; version: number }[]>`
      select removal_required as required,
        (select count(*)::int from key_packages k join devices d on d.id = k.device_id where d.user_id = ${userId}) as packages,
        (select count(*)::int from link_offers where user_id = ${userId}) as offers,
        (select keys_version from users where id = ${userId}) as version
      from conversations where id = ${conversationId}`;
    assert.deepEqual(state, { required: true, packages: 0, offers: 0, version: deletion.value.version });
  }
});
