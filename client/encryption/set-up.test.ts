import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../clock.ts';
import type { SocketEvents } from '../socket.ts';
import { memoryStore } from '../store.ts';
import { createEncryptedClient } from './client.ts';
import type { EncryptionStatus } from './events.ts';

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const greeting = {
  userId: id(1),
  deviceId: id(2),
  protocol: 1,
  serverTime: '2026-01-01T00:00:00.000Z',
  logId: id(3),
  limits: {
    maxFrameBytes: 163_840,
    maxInFlight: 64,
    windowEntries: 256,
    windowBytes: 1_048_576,
    pingEveryMs: 25_000,
    maxContentBytes: 65_536,
  },
};

test('passing errors in the first setting up of keys hold a new device up, but not until it reconnects', {
  timeout: 20_000,
}, async (t) => {
  const asked: number[] = [];
  const pauses: number[] = [];
  let sockets = 0;
  /** Has keys of another device of this account, once it finds the time to look. */
  const answer = (type: string): object => {
    if (type === 'hello') return { type: 'reply', body: greeting };
    if (type === 'conversation.list') return { type: 'reply', body: { conversations: [] } };
    assert.equal(type, 'keys.devices');
    asked.push(sockets);
    if (asked.length < 4) return { type: 'error', code: 'unavailable', message: 'not now', retryAfterMs: 7 };
    const key = { version: 1, key: 'A'.repeat(43), hash: 'A'.repeat(43), createdAt: greeting.serverTime };
    return { type: 'reply', body: { accountKeys: [key], devices: [], version: 1 } };
  };
  const openSocket = (_url: string, events: SocketEvents) => {
    sockets += 1;
    queueMicrotask(() => events.open());
    return {
      send(frame: string) {
        const { id: of, type } = JSON.parse(frame);
        queueMicrotask(() => {
          events.text(JSON.stringify({ ...answer(type), id: of }));
          if (type === 'hello') events.text(JSON.stringify({ type: 'sync.done', body: {} }));
        });
      },
      close: () => undefined,
    };
  };
  const store = memoryStore();
  const session = {
    userId: id(1),
    deviceId: id(2),
    accessToken: 'token',
    accessTokenExpiresAt: '2099-01-01T00:00:00.000Z',
    refreshToken: 'unused',
  };
  await store.write([{ key: 'session', value: session }]);
  // Its pauses take no time.
  const clock = {
    now: () => systemClock.now(),
    after(ms: number, run: () => void) {
      if (ms < 10_000) pauses.push(ms);
      return systemClock.after(ms < 10_000 ? 0 : ms, run);
    },
  };
  const client = createEncryptedClient({ url: 'http://server', openSocket, store, clock, random: () => 0.3 });
  t.after(() => client.close());
  const settled = new Promise<EncryptionStatus>((resolve) => client.encryption.on('status', resolve));
  await client.start();
  assert.equal(await settled, 'unlinked');
  assert.deepEqual(asked, [1, 1, 1, 1], 'all in one session');
  const growing = [150, 300, 600];
  assert.deepEqual(
    pauses.filter((ms) => growing.includes(ms)),
    growing,
  );
});
