import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { testProxy } from '../testing/proxy.ts';
import { StoreUnavailable } from './errors.ts';
import { openGate } from './gate.ts';
import { onceReachable } from './once-reachable.ts';

test('what a starting server asks is asked again when PostgreSQL goes away in the middle', async (t) => {
  await using db = await testDatabase();
  const url = new URL(db.url);
  await using proxy = await testProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  const gate = openGate(url.href);
  t.after(() => gate.close());
  proxy.cutAt('the question');
  const away: unknown[] = [];
  const [row] = await onceReachable(
    () => gate.run('read', (sql) => sql`select 1 as "the question"`),
    (error) => {
      away.push(error);
      proxy.cutAt(undefined);
    },
  );
  assert.equal(row?.['the question'], 1);
  assert.ok(away.length === 1 && away[0] instanceof StoreUnavailable);
});

test('a mistake is told at once', async () => {
  const mistake = new Error('no such table');
  await assert.rejects(
    onceReachable(
      () => Promise.reject(mistake),
      () => assert.fail('asked again'),
    ),
    mistake,
  );
});
