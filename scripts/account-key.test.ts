import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore } from '../client/index.ts';
import {
  acceptIdentity,
  clients,
  firstPhone,
  has,
  joined,
  linkPhone,
  meet,
  verify,
  words,
} from './testing/encrypted.ts';
import { readWith } from './testing/read-with.ts';
import { runServer, until } from './testing/running-server.ts';

test('a stolen first device is revoked: the account key is replaced, and nothing written later opens with the old keys', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const { sql } = server;
  const stolen = memoryStore();
  const [ada, phone] = await Promise.all([
    firstPhone(t, server, 'ada'),
    firstPhone(t, server, 'bob', { store: stolen }),
  ]);
  const id = await meet(ada, phone);
  const laptop = await linkPhone(t, server, 'bob', phone);
  await joined(id, laptop, ada, phone);
  await ada.client.send(id, words('before the theft'));
  await has('before the theft', ada, phone, laptop);
  const recoveryKey = await phone.client.encryption.identities().recoveryKey();
  await verify(ada, phone);
  const numberBefore = await ada.client.encryption.identities().safetyNumber(phone.userId);
  const last = Math.max(...ada.got.map(({ seq }) => seq));
  assert.ok((await readWith(stolen, ada, id, 0)).includes('before the theft'), 'what it had it can read');
  await phone.client.close();

  // The laptop takes the account key from the recovery blob, and so learns which device has it too.
  const told: string[] = [];
  ada.client.encryption.on('identity', ({ is, verified }) => told.push(`${is}${verified ? ' verified' : ''}`));
  const shown: string[] = [];
  laptop.client.encryption.on('recovery', ({ is }) => shown.push(is));
  const mine = laptop.client.encryption.identities();
  assert.equal((await mine.recover(recoveryKey)).account, true);
  assert.deepEqual(await mine.revoke(phone.deviceId), { newIdentity: true });
  const chain = await sql`select version, signature from account_keys where user_id = ${phone.userId} order by version`;
  assert.deepEqual(
    chain.map(({ version, signature }) => [version, signature]),
    [
      [1, null],
      [2, null],
    ],
    'whoever has the phone could have signed as well, so nobody signs',
  );

  // What the laptop commits and writes meanwhile is still its own by the word of before.
  for (let isIn = true; isIn; ) {
    const { devices, unsafe } = await ada.client.encryption.group(id);
    assert.equal(unsafe, undefined);
    isIn = devices.some(({ deviceId }) => deviceId === phone.deviceId);
    // The next turn of the conversation.
    if (isIn) await new Promise((resolve) => setImmediate(resolve));
  }
  await laptop.client.send(id, words('my phone was stolen'));
  await has('my phone was stolen', ada, laptop);
  assert.equal((await ada.client.encryption.group(id)).unsafe, undefined);
  assert.deepEqual(told, ['reset verified']);
  const early = await ada.client.send(id, words('is it you?'));
  const failed = () => ada.client.outgoing(id).find(({ clientId }) => clientId === early)?.failed;
  await until(clients(ada), () => failed() !== undefined, 'nothing is sent to an identity nobody accepted');
  assert.equal(failed()?.code, 'identity_changed');
  assert.notEqual(await ada.client.encryption.identities().safetyNumber(phone.userId), numberBefore);
  await acceptIdentity(ada, phone.userId);
  await ada.client.send(id, words('good to hear'));
  await has('good to hear', ada, laptop);
  assert.equal((await ada.client.encryption.identities().of(phone.userId)).verified, false);

  // A tablet that is linked now belongs to the new identity, and reads what was before.
  const tablet = await linkPhone(t, server, 'bob', laptop);
  await joined(id, tablet, ada, laptop);
  await ada.client.send(id, words('all three'));
  await has('all three', ada, laptop, tablet);
  assert.deepEqual(await readWith(stolen, ada, id, last), []);
  await until(clients(laptop), () => shown.includes('replaced'), 'there is another recovery key');
  assert.notEqual(await mine.recoveryKey(), recoveryKey);
  const { devices, unsafe } = await ada.client.encryption.group(id);
  assert.deepEqual(
    devices.map(({ deviceId }) => deviceId).sort(),
    [ada, laptop, tablet].map(({ deviceId }) => deviceId).sort(),
  );
  assert.equal(unsafe, undefined);
});
