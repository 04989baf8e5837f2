import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exited, type ProcessEnd, startNode } from '../server/testing/process.ts';

/** A folder with one file of queries, and the script that types it against this server's schema. */
function project(t: TestContext, query: string) {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-typed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'sql/queries'), { recursive: true });
  cpSync('pgtyped.json', join(folder, 'pgtyped.json'));
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const write = (text: string): void => writeFileSync(join(folder, 'sql/queries/trial.sql'), text);
  write(query);
  const run = (...flags: string[]): Promise<ProcessEnd> => {
    const env = { DATABASE_URL: process.env.TEST_DATABASE_URL ?? '' };
    return exited(startNode(t, [resolve('scripts/typed-queries.mjs'), ...flags], env, folder));
  };
  return { write, run, generated: () => readFileSync(join(folder, 'sql/queries/trial.queries.ts'), 'utf8') };
}

const good = '/* @name readTrial */\nselect count(*) as "n!" from users where id = :userId!;\n';

test('queries are typed by the schema, and the check sees when they no longer are', async (t) => {
  const { write, run, generated } = project(t, good);
  assert.match((await run('--check')).stderr, /run npm run queries.*trial\.queries\.ts/);
  assert.equal((await run()).code, 0);
  assert.match(generated(), /n: number;/);
  assert.match(generated(), /from '\.\.\/adapter\.ts'/);
  assert.equal((await run('--check')).code, 0);
  write(good.replace('"n!"', '"n?"'));
  const changed = await run('--check');
  assert.equal(changed.code, 1);
});

test('a query that the database refuses, or that cannot be read, fails the check', async (t) => {
  const { write, run } = project(t, good.replace('users', 'no_such_table'));
  const refused = await run('--check');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /no_such_table/);
  write(good.replace(';', ''));
  assert.equal((await run('--check')).code, 1);
});
