import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const app = `
import type { Conversation, Encryption, Profile, Recovered, Refusal, Tokens } from './sotto/client/index.js';
import { createEncryptedClient, E2eeError, SottoError } from './sotto/client/index.js';
import { openTabClient } from './sotto/client/browser/tabs.js';
import { openFileStore } from './sotto/client/node/file-store.js';
import { openNodeSocket } from './sotto/client/node/socket.js';

const store = await openFileStore('folder', { passphrase: 'x' });
export const client = createEncryptedClient({ url: 'https://x.example', store, openSocket: openNodeSocket });
export const tokens: Tokens = await client.login({ login: 'ada', password: 'x', deviceName: 'x' });
export const conversation: Conversation = await client.open('bob');
export const encryption: Encryption = client.encryption;
export const recovered: Recovered = await encryption.identities().recover('x');
export const profile: Profile = (await client.request('user.find', { username: 'bob' })).profile;
export const why = (refusal: Refusal): string => refusal.reason;
export const retry = (error: unknown) => (error instanceof SottoError || error instanceof E2eeError) && error.code;
// @ts-expect-error what a conversation has is known
conversation.nothing;
// @ts-expect-error and so is what a request takes
await client.request('user.find', { name: 'bob' });
void openTabClient;
`;

for (const kind of ['nodenext', 'bundler'])
  test(`a strict TypeScript project gets the SDK's types: ${kind}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'sotto-types-'));
    try {
      symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
      symlinkSync(resolve('dist'), join(folder, 'sotto'));
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
      writeFileSync(join(folder, 'app.ts'), app);
      const compilerOptions = {
        target: 'ES2023',
        lib: ['ES2023', 'ESNext.Disposable', 'DOM', 'DOM.Iterable'],
        types: ['node'],
        module: kind === 'bundler' ? 'esnext' : kind,
        moduleResolution: kind,
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        skipLibCheck: false,
        noEmit: true,
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['app.ts'] }));
      const { stdout } = spawnSync(resolve('node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
      assert.equal(stdout, '');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
