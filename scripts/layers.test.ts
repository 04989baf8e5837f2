import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';

const forbidden = [
  ['server/handlers/x.ts', 'uWebSockets.js'],
  ['server/handlers/x.ts', 'postgres'],
  ['server/handlers/x.ts', '../socket/session.ts'],
  ['server/handlers/x.ts', '../http/auth.ts'],
  ['server/listen/x.ts', '../store/gate.ts'],
  ['server/listen/x.ts', 'ioredis'],
  ['server/store/x.ts', '../handlers/message.ts'],
  ['server/store/x.ts', '../delivery/hub.ts'],
  ['server/delivery/x.ts', '../socket/session.ts'],
  ['server/socket/x.ts', '../http/auth.ts'],
  ['server/bus/x.ts', 'bullmq'],
  ['server/accounts/x.ts', 'nodemailer'],
  ['server/jobs/x.ts', 'paseto/v4/public'],
  ['server/http/x.ts', 'bcrypt'],
  ['server/http/x.ts', '../app.ts'],
  ['server/http/x.ts', 'pino'],
  ['server/http/x.ts', 'prom-client'],
  ['server/x.ts', 'postgres'],
  ['server/x.ts', '../client/client.ts'],
  ['server/mls/x.ts', 'ts-mls'],
  ['server/mls/x.ts', 'ts-mls/codec.js'],
  ['protocol/x.ts', 'node:crypto'],
  ['protocol/x.ts', '../server/log.ts'],
  ['protocol/x.ts', '@noble/hashes/sha2.js'],
  ['client/x.ts', 'node:fs'],
  ['client/x.ts', 'ws'],
  ['client/x.ts', 'ts-mls'],
  ['client/x.ts', '../server/log.ts'],
  ['client/e2ee/x.ts', 'node:crypto'],
  ['client/e2ee/x.ts', '../../server/log.ts'],
  ['client/browser/x.ts', 'node:fs'],
  ['client/node/x.ts', '../../server/log.ts'],
  ['client/node/x.ts', 'ts-mls'],
  ['scripts/x.ts', 'ioredis'],
  ['server/directory/x.ts', '../handlers/keys.ts'],
  ['server/delivery/x.ts', '../directory/directory.ts'],
  ['server/http/x.ts', 'a-package-that-nothing-imports-yet'],
] as const;

const allowed = [
  ['server/listen/x.ts', 'uWebSockets.js'],
  ['server/store/x.ts', 'postgres'],
  ['server/bus/x.ts', 'ioredis'],
  ['server/jobs/x.ts', 'bullmq'],
  ['server/accounts/x.ts', 'bcrypt'],
  ['server/log.ts', 'pino'],
  ['server/handlers/x.ts', '../delivery/hub.ts'],
  ['server/socket/x.ts', '../handlers/message.ts'],
  ['server/directory/x.ts', '../delivery/hub.ts'],
  ['server/handlers/x.ts', '../directory/recovery.ts'],
  ['server/http/x.ts', '../accounts/sessions.ts'],
  ['protocol/x.ts', 'valibot'],
  ['protocol/x.ts', './codes.ts'],
  ['client/x.ts', '../protocol/codes.ts'],
  ['client/e2ee/x.ts', 'ts-mls'],
  ['client/e2ee/x.ts', '@noble/hashes/sha2.js'],
  ['client/node/x.ts', 'node:fs'],
  ['client/node/x.ts', 'ws'],
  ['server/handlers/x.test.ts', '../http/auth.ts'],
] as const;

/** Lints one file per pair, each with one import; answers the pairs whose import was refused. */
function refused(
  pairs: readonly (readonly [string, string])[],
  form: (name: string) => string,
): (readonly [string, string])[] {
  const tree = mkdtempSync(join(tmpdir(), 'sotto-layers-'));
  try {
    cpSync('biome.json', join(tree, 'biome.json'));
    const files = pairs.map(([path], index) => path.replace(/x(?=\.)/, `x${index}`));
    for (const [index, [, name]] of pairs.entries()) {
      const file = join(tree, files[index] ?? '');
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, form(name));
    }
    const biome = resolve('node_modules/@biomejs/biome/bin/biome');
    const flags = ['--max-diagnostics=1000', '--reporter=github'];
    const run = spawnSync(process.execPath, [biome, 'lint', ...flags], { cwd: tree, encoding: 'utf8' });
    assert.equal(run.error, undefined);
    const reports = run.stdout.split('\n').filter((line) => line.includes('noRestrictedImports'));
    return pairs.filter((_, index) => reports.some((line) => line.includes(`/${files[index]},`)));
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}

test('an import against the layers is refused', () => {
  assert.deepEqual(
    refused(forbidden, (name) => `import { x } from '${name}';\nx();\n`),
    forbidden,
  );
});

test('neither an import of types nor a dynamic import gets around that', () => {
  const some = [forbidden[0], forbidden[2], forbidden[25], forbidden[27]] as const;
  assert.deepEqual(
    refused(some, (name) => `import type { X } from '${name}';\nexport type Y = X;\n`),
    some,
  );
  assert.deepEqual(
    refused(some, (name) => `export const x = import('${name}');\n`),
    some,
  );
});

test('imports along the layers are taken', () => {
  assert.deepEqual(
    refused(allowed, (name) => `import { x } from '${name}';\nx();\n`),
    [],
  );
});
