import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFileStore } from './node/file-store.ts';
import { type ClientStore, keyNumber, memoryStore } from './store.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sotto-store-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const stores: Record<string, (t: TestContext) => Promise<ClientStore>> = {
  memory: async () => memoryStore(),
  file: (t) => openFileStore(folder(t)),
};

for (const [name, open] of Object.entries(stores)) {
  test(`the ${name} store lists by prefix and bounds, in order, both ways`, async (t) => {
    const store = await open(t);
    const keys = [3, 1, 20, 100].map((n) => `entry/${keyNumber(n)}`);
    await store.write([
      ...keys.map((key) => ({ key, value: { key } })),
      { key: 'entrz', value: 1 },
      { key: 'entr', value: 1 },
    ]);
    const list = async (range: object) =>
      (await store.list({ prefix: 'entry/', ...range })).map(({ key }) => Number(key.slice(6)));
    assert.deepEqual(await list({}), [1, 3, 20, 100]);
    assert.deepEqual(await list({ reverse: true, limit: 2 }), [100, 20]);
    assert.deepEqual(await list({ above: `entry/${keyNumber(1)}`, below: `entry/${keyNumber(100)}` }), [3, 20]);
    assert.deepEqual(await list({ below: `entry/${keyNumber(20)}`, reverse: true, limit: 1 }), [3]);
    await store.write([{ key: `entry/${keyNumber(3)}` }]);
    assert.equal(await store.get(`entry/${keyNumber(3)}`), undefined);
    await store.close();
  });
}

test('a file store is whole again after it was closed, and is open once', async (t) => {
  const path = folder(t);
  const store = await openFileStore(path);
  await store.write([{ key: 'a', value: [1, { b: 'ü' }] }]);
  await assert.rejects(openFileStore(path));
  await store.close();
  const again = await openFileStore(path);
  assert.deepEqual(await again.get('a'), [1, { b: 'ü' }]);
  await again.close();
});
