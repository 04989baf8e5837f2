import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logId } from '../../sql/queries/instance.queries.ts';
import { testDatabase } from '../testing/database.ts';
import { throwAwayPostgres } from '../testing/postgres.ts';
import { StoreUnavailable } from './errors.ts';
import { openGate } from './gate.ts';
import { migrate } from './migrate.ts';

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

test('a standby has no log id yet, and another one from the moment of its promotion on', async (t) => {
  // No checkpoint in between by itself, as on a server with much to write.
  const postgres = await throwAwayPostgres({ checkpoint_timeout: '1h' });
  t.after(() => postgres.stop());
  await migrate(postgres.url);
  const ask = async (): Promise<string | undefined> => {
    const gate = openGate(postgres.url);
    try {
      const [row] = await gate.run('read', (sql) => logId.run(undefined, sql));
      return row?.logId;
    } finally {
      await gate.close();
    }
  };
  const first = await ask();
  await postgres.standBy();
  await assert.rejects(ask(), StoreUnavailable);
  await postgres.promote();
  const promoted = await ask();
  assert.ok(promoted !== undefined && promoted !== first);
  assert.equal(await ask(), promoted);
  await postgres.crash();
  assert.equal(await ask(), promoted, 'a crash changes nothing');
});
