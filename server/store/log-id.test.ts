import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logId } from '../../sql/queries/instance.queries.ts';
import { testDatabase } from '../testing/database.ts';
import { openGate } from './gate.ts';

test('a database that was restored elsewhere, or promoted, gets a new log id, once for all servers that ask', async (t) => {
  await using db = await testDatabase();
  const gate = openGate(db.url);
  t.after(() => gate.close());
  const ask = async (): Promise<string> => {
    const asked = await Promise.all(
      Array.from({ length: 4 }, () => gate.run('read', (sql) => logId.run(undefined, sql))),
    );
    const ids = new Set(asked.map(([row]) => row?.logId ?? ''));
    assert.equal(ids.size, 1);
    return [...ids][0] ?? '';
  };
  const first = await ask();
  assert.equal(await ask(), first, 'a restart changes nothing');

  // What a dump brings along is the identity of the cluster that it was taken from.
  await db.sql`update instance set system_identifier = system_identifier - 1`;
  const restored = await ask();
  assert.notEqual(restored, first);
  assert.equal(await ask(), restored);

  // A promoted standby, or a recovery to a point in time, goes on in another timeline.
  await db.sql`update instance set timeline = timeline - 1`;
  const promoted = await ask();
  assert.notEqual(promoted, restored);
  assert.equal(await ask(), promoted);
});
