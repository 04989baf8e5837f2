import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { emptyDatabase } from '../testing/database.ts';
import { exited, startNode } from '../testing/process.ts';
import { type Migration, migrate, readMigrations, SchemaError } from './migrate.ts';

function migration(version: number, text: string): Migration {
  const name = `${String(version).padStart(4, '0')}_step`;
  return { version, name, text, checksum: createHash('sha256').update(text).digest('hex') };
}

const one = migration(1, 'create table numbers (n integer); select pg_sleep(0.2); insert into numbers values (1)');
const two = migration(2, 'insert into numbers values (2)');

test('migrations are applied in order, once', async () => {
  await using db = await emptyDatabase();
  assert.deepEqual(await migrate(db.url, [one]), ['0001_step']);
  assert.deepEqual(await migrate(db.url, [one, two]), ['0002_step']);
  assert.deepEqual(await migrate(db.url, [one, two]), []);
  assert.deepEqual(await numbers(db.sql), [1, 2]);
});

test('the migrations of this server bring an empty database up to date', async () => {
  await using db = await emptyDatabase();
  const names = readMigrations().map((known) => known.name);
  assert.deepEqual(await migrate(db.url), names);
});

test('a migration that fails leaves nothing behind, and the ones before it stay', async () => {
  await using db = await emptyDatabase();
  const broken = migration(2, 'insert into numbers values (2); select 1/0');
  await assert.rejects(migrate(db.url, [one, broken]), { code: '22012' });
  assert.deepEqual(await numbers(db.sql), [1]);
  assert.deepEqual(await migrate(db.url, [one, two]), ['0002_step']);
});

test('a database newer than the server is refused in one sentence', async () => {
  await using db = await emptyDatabase();
  await migrate(db.url, [one, two]);
  await assert.rejects(
    migrate(db.url, [one]),
    (error) => error instanceof SchemaError && /newer than this server.*0002_step/.test(error.message),
  );
});

test('a migration changed after it was applied is refused in one sentence', async () => {
  await using db = await emptyDatabase();
  await migrate(db.url, [one]);
  const changed = migration(1, 'create table numbers (n bigint)');
  await assert.rejects(
    migrate(db.url, [changed]),
    (error) => error instanceof SchemaError && /0001_step was changed/.test(error.message),
  );
});

test('a gap in the numbers of the files is refused', (t) => {
  const folder = folderWith(t, { '0001_a.sql': 'select 1', '0003_c.sql': 'select 3' });
  assert.throws(() => readMigrations(folder), /0003_c\.sql must be named 0002_/);
});

test('processes that start together apply each migration once', async (t) => {
  await using db = await emptyDatabase();
  const folder = folderWith(t, { '0001_step.sql': one.text, '0002_step.sql': two.text });
  const script = `
    import { migrate, readMigrations } from ${JSON.stringify(new URL('./migrate.js', import.meta.url).href)};
    const applied = await migrate(${JSON.stringify(db.url)}, readMigrations(new URL(${JSON.stringify(folder.href)})));
    console.log(JSON.stringify(applied));`;
  const racers = [1, 2, 3].map(() => startNode(t, ['--input-type=module', '--eval', script]));
  const ends = await Promise.all(racers.map(exited));
  assert.deepEqual(
    ends.map((end) => end.code),
    [0, 0, 0],
    ends.map((end) => end.stderr).join('\n'),
  );
  const applied = ends.flatMap((end) => JSON.parse(end.stdout));
  assert.deepEqual(applied.toSorted(), ['0001_step', '0002_step']);
  assert.deepEqual(await numbers(db.sql), [1, 2]);
});

async function numbers(sql: Awaited<ReturnType<typeof emptyDatabase>>['sql']): Promise<number[]> {
  const rows = await sql<{ n: number }[]>`select n from numbers order by n`;
  return rows.map((row) => row.n);
}

function folderWith(t: TestContext, files: Record<string, string>): URL {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-migrations-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return pathToFileURL(`${folder}/`);
}
