import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { createEncryptedClient, memoryStore } from '../client/index.ts';
import { openNodeSocket } from '../client/node/socket.ts';
import { firstPhone, has, words } from './testing/encrypted.ts';
import { PASSWORD, runServer, signUp, until } from './testing/running-server.ts';

const root = new URL('../../', import.meta.url);

test('the examples of the README run as they stand there', async (t) => {
  const readme = readFileSync(new URL('client/README.md', root), 'utf8');
  const [body = '', more = ''] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, example = '']) =>
    example.replace(/^import .*\n/gm, ''),
  );
  assert.ok(body.includes('createEncryptedClient') && more.includes('createEncryptedClient'));
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const [bob] = await Promise.all([firstPhone(t, server, 'bob'), signUp(t, server, 'ada')]);
  // That he has been there is enough.
  await bob.client.close();
  const printed: string[] = [];
  const names = { createEncryptedClient, memoryStore, openNodeSocket, server, until, password: PASSWORD };
  const console = { log: (...values: unknown[]) => printed.push(values.join(' ')) };
  const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor;
  await new AsyncFunction(...Object.keys(names), 'console', body)(...Object.values(names), console);
  assert.ok(
    printed.some((line) => line.endsWith(' stored')),
    printed.join('\n'),
  );
  assert.ok(printed.includes('1'));
  assert.equal(printed.at(-1), 'Hello, dear Bob 3');

  const [cleo, dan] = await Promise.all([firstPhone(t, server, 'cleo'), firstPhone(t, server, 'dan')]);
  const { id } = await dan.client.open('cleo');
  await dan.client.send(id, words('Do you know me?'));
  await has('Do you know me?', cleo);
  let [typed, read] = [false, false];
  dan.client.on('typing.changed', ({ typing }) => (typed ||= typing.length > 0));
  dan.client.on('message', ({ state }) => (read ||= state.is === 'read'));
  const others = { ...names, laptop: cleo.client };
  await new AsyncFunction(...Object.keys(others), 'console', more)(...Object.values(others), console);
  assert.deepEqual(printed.slice(-3), ['linked', 'string', 'revoked']);
  assert.deepEqual([typed, read, cleo.client.state.is], [true, true, 'stopped']);
});

test('the SDK can be bundled for a browser: it imports nothing of Node', async () => {
  const entryPoints = ['client/index.ts', 'client/browser/indexeddb-store.ts'];
  const result = await build({
    absWorkingDir: fileURLToPath(root),
    entryPoints,
    bundle: true,
    write: false,
    outdir: 'unused',
    format: 'esm',
    platform: 'browser',
    metafile: true,
    logLevel: 'silent',
  });
  const inputs = Object.keys(result.metafile.inputs);
  assert.deepEqual(
    inputs.filter((name) => name.startsWith('node:') || name.includes('client/node/')),
    [],
  );
  assert.equal(result.outputFiles.length, entryPoints.length);
});
