import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Tokens } from '../protocol/http.ts';
import { createHttp } from './http.ts';
import { memoryStore } from './store.ts';
import { SimClock } from './testing/sim-clock.ts';
import { platformLock, Session } from './tokens.ts';

const clock = new SimClock();
const tokens = (n: number, expiresInMs: number): Tokens => ({
  userId: '00000000-0000-4000-8000-000000000001',
  deviceId: '00000000-0000-4000-8000-000000000002',
  accessToken: `access ${n}`,
  accessTokenExpiresAt: new Date(clock.now() + expiresInMs).toISOString(),
  refreshToken: `refresh ${n}`,
});

/** A server that gives out one successor per refresh token. */
function setUp() {
  const asked: string[] = [];
  const answer = (status: number, body: unknown) => new Response(JSON.stringify(body), { status });
  const http = createHttp({
    url: 'http://server',
    fetch: async (_url, init) => {
      const { refreshToken } = JSON.parse(String(init?.body));
      asked.push(refreshToken);
      const n = Number(refreshToken.split(' ')[1]);
      if (n > 5) return answer(401, { error: { code: 'token_reuse', message: 'no' } });
      return answer(200, tokens(n + 1, 900_000));
    },
  });
  return { asked, http, store: memoryStore() };
}

test('a token that is good for a while is used, one about to expire is refreshed once for all who ask', async () => {
  const { asked, http, store } = setUp();
  const session = new Session(http, store, clock, platformLock());
  await session.keep(tokens(1, 900_000));
  assert.equal(await session.accessToken(), 'access 1');
  assert.deepEqual(asked, []);
  await session.keep(tokens(1, 20_000));
  const got = await Promise.all([1, 2, 3].map(() => session.accessToken()));
  assert.deepEqual([got, asked], [['access 2', 'access 2', 'access 2'], ['refresh 1']]);
  assert.equal((await session.current())?.refreshToken, 'refresh 2');
});

test('two tabs on one store refresh once: the second finds what the first one kept', async () => {
  const { asked, http, store } = setUp();
  const lock = platformLock();
  const [one, two] = [1, 2].map(() => new Session(http, store, clock, lock));
  await one?.keep(tokens(1, 900_000));
  const got = await Promise.all([one?.freshToken('access 1'), two?.freshToken('access 1')]);
  assert.deepEqual([got, asked], [['access 2', 'access 2'], ['refresh 1']]);
});

test('an ended session is told as such, a server that does not answer as unknown, nobody as nobody', async () => {
  const { http, store } = setUp();
  const session = new Session(http, store, clock, platformLock());
  await assert.rejects(session.accessToken(), { code: 'unauthenticated' });
  await session.keep(tokens(6, 0));
  await assert.rejects(session.accessToken(), { code: 'token_reuse' });
  const silent = createHttp({ url: 'http://server', fetch: () => Promise.reject(new TypeError('fetch failed')) });
  await assert.rejects(new Session(silent, store, clock, platformLock()).accessToken(), { code: 'unavailable' });
  const garbled = createHttp({
    url: 'http://server',
    fetch: async () => new Response('<h1>Bad gateway</h1>', { status: 502 }),
  });
  await assert.rejects(garbled.resendVerification('a@example.org'), { code: 'unavailable' });
  const liar = createHttp({ url: 'http://server', fetch: async () => new Response('{"userId": 7}') });
  await assert.rejects(liar.refresh({ refreshToken: 'x' }), { code: 'internal', message: /malformed/ });
});
