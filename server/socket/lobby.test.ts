import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Socket } from '../listen/transport.ts';
import { testDatabase } from '../testing/database.ts';
import { startMessaging } from '../testing/messaging.ts';

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
