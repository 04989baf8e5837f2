import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenSocket } from '../client/index.ts';
import { openNodeSocket } from '../client/node/socket.ts';
import { clients, firstPhone, linkPhone, phoneOf, start } from './testing/encrypted.ts';
import { PASSWORD, patiently, runServer, until } from './testing/running-server.ts';

test('the account key is replaced in the end, wherever that breaks off, and also when the last device that had it was revoked', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const { sql } = server;
  const phone = await firstPhone(t, server, 'eve');
  const recoveryKey = await phone.client.encryption.identities().recoveryKey();
  // The connection breaks right after the revocation was sent, and again when the new key would be.
  const breaks = ['"device.revoke"', '"keys.register"'];
  const openSocket: OpenSocket = (url, events) => {
    const socket = openNodeSocket(url, events);
    const send = (frame: string) => {
      const now = armed && breaks[0] !== undefined && frame.includes(breaks[0]) ? breaks.shift() : undefined;
      if (now !== '"keys.register"') socket.send(frame);
      if (now !== undefined) socket.close();
    };
    return { close: () => socket.close(), send };
  };
  let armed = false;
  const laptop = await linkPhone(t, server, 'eve', phone, { openSocket });
  const identities = laptop.client.encryption.identities();
  await identities.recover(recoveryKey);
  armed = true;
  await assert.rejects(identities.revoke(phone.deviceId), { code: 'unavailable' });
  const chain = () => sql`select version from account_keys where user_id = ${phone.userId}`;
  for (let links = 1; links < 2; links = (await chain()).length);
  await until(
    clients(laptop),
    () => breaks.length === 0 && laptop.client.encryption.isPrimary,
    'it is the first device',
  );
  assert.equal((await chain()).length, 2);
  const [device] = await sql`select revoked_at from devices where id = ${phone.deviceId}`;
  assert.ok(device?.revokedAt ?? device?.revoked_at);
  await laptop.client.ready();
  const next = await identities.recoveryKey();
  assert.notEqual(next, recoveryKey);

  // Sold, say: whoever comes back with the recovery key does not go on with a key that is on a revoked device.
  // Its own session ends before it could be answered.
  await assert.rejects(identities.revoke(laptop.deviceId), { code: 'unavailable' });
  const client = phoneOf(t, server);
  await patiently(() => client.login({ login: 'eve', password: PASSWORD, deviceName: 'last' }));
  await start(client);
  await until([client], () => client.encryption.status === 'unlinked', 'it has no keys');
  const back = await client.encryption.identities().recover(next);
  assert.deepEqual([back.account, back.newIdentity, (await chain()).length], [true, true, 3]);
  assert.equal(client.encryption.isPrimary, true);
});
