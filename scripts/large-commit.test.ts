import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenSocket } from '../client/index.ts';
import { openNodeSocket } from '../client/node/socket.ts';
import { firstPhone, has, meet, words } from './testing/encrypted.ts';
import { runServer } from './testing/running-server.ts';

/** More than a message needs, less than a commit with its welcome. */
const SMALL = 2_000;

test('a commit that does not fit into a frame goes over HTTP, and the group is made all the same', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  let maxFrameBytes: number | undefined;
  let drop: () => void = () => undefined;
  const frames: string[] = [];
  // Groups of hundreds of devices make such commits; here the frames are small instead, by the server's word.
  const openSocket: OpenSocket = (url, events) => {
    const socket = openNodeSocket(url, {
      ...events,
      text: (frame) =>
        events.text(
          maxFrameBytes === undefined
            ? frame
            : frame.replace(/"maxFrameBytes":\d+/, `"maxFrameBytes":${maxFrameBytes}`),
        ),
    });
    drop = () => socket.close();
    return {
      send: (frame) => {
        frames.push(frame);
        socket.send(frame);
      },
      close: () => socket.close(),
    };
  };
  const posted: string[] = [];
  const ask: typeof fetch = (input, init) => {
    if (init?.method === 'POST') posted.push(new URL(String(input)).pathname);
    return fetch(input, init);
  };
  const [ada, bob] = await Promise.all([
    firstPhone(t, server, 'ada', { openSocket, fetch: ask }),
    firstPhone(t, server, 'bob'),
  ]);
  const greeted = new Promise<void>((resolve) => {
    ada.client.on('connection', (state) => {
      if (state.is === 'ready' && state.greeting.limits.maxFrameBytes === SMALL) resolve();
    });
  });
  maxFrameBytes = SMALL;
  frames.length = 0;
  drop();
  await greeted;

  const id = await meet(ada, bob);
  await bob.client.send(id, words('hello back'));
  await has('hello back', ada, bob);
  assert.deepEqual(
    posted.filter((path) => path.endsWith('/commits')),
    [`/v1/conversations/${id}/commits`],
  );
  assert.equal(frames.filter((frame) => frame.includes('"type":"commit.send"')).length, 0);
  assert.ok(frames.every((frame) => frame.length <= SMALL));
});
