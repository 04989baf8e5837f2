import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { deriveSecret } from 'ts-mls/crypto/kdf.js';
import { getCommitSecret } from 'ts-mls/pathSecrets.js';
import { toNodeIndex } from 'ts-mls/treemath.js';
import { fastSuite } from './ts-mls-crypto.ts';
import { assertPatched, halfEmpty } from './ts-mls-patched.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../../', import.meta.url));

test('the installed library is the patched one', async () => {
  await assertPatched(await fastSuite());
});

test('where the other half of a tree is empty, the commit secret follows the last node of the filtered direct path', async () => {
  const { kdf } = await fastSuite();
  const last = crypto.getRandomValues(new Uint8Array(32));
  // RFC 9420, section 7.4; one derivation more, through the blank root, is what OpenMLS did not follow.
  const expected = await deriveSecret(last, 'path', kdf);
  assert.deepEqual(await getCommitSecret(halfEmpty, toNodeIndex(5), last, kdf), expected);
});

test('without its patch the library is refused at start with one clear sentence', async (t) => {
  // Inside the project, so that the library's own imports still resolve.
  const folder = await mkdtemp(join(root, 'dist', 'unpatched-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const copy = join(folder, 'node_modules', 'ts-mls');
  await cp(join(root, 'node_modules', 'ts-mls'), copy, { recursive: true });
  await cp(join(root, 'dist', 'client', 'e2ee'), join(folder, 'e2ee'), { recursive: true });
  for (const [file, patched, unpatched] of [
    ['clientState.js', 'dp.slice(0, pos)', 'dp'],
    [
      'clientState.js',
      '!dpNode.parent.unmergedLeaves.includes(unmergedLeaf)',
      '!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)',
    ],
    ['ratchetTree.js', '.sort((a, b) => a - b)', ''],
    ['pathSecrets.js', 'tree[n] !== undefined', 'true'],
  ] as const) {
    const path = join(copy, 'dist', 'src', file);
    const source = await readFile(path, 'utf8');
    assert.ok(source.includes(patched));
    await writeFile(path, source.replace(patched, unpatched));
  }
  const script = `import('${folder}/e2ee/ts-mls-engine.js').then((m) => m.createTsMlsEngine(() => true))
    .then(() => console.log('started'), (error) => console.log(error.code, error.message))`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder });
  assert.match(stdout, /^unpatched ts-mls is installed without its patch/);
});
