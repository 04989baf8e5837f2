import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { createEncryptedClient, memoryStore } from '../client/index.ts';
import { openNodeSocket } from '../client/node/socket.ts';
import { firstPhone } from './testing/encrypted.ts';
import { PASSWORD, runServer, signUp, until } from './testing/running-server.ts';

const root = new URL('../../', import.meta.url);

test('the example of the README runs as it stands there', async (t) => {
  const readme = readFileSync(new URL('client/README.md', root), 'utf8');
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const body = example.replace(/^import .*\n/gm, '');
  assert.ok(body.includes('createEncryptedClient'));
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
