import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startEmbedded } from '../../server/embedded/embedded.ts';
import { openGate } from '../../server/store/gate.ts';
import { migrate } from '../../server/store/migrate.ts';
import { emptyDatabase, testDatabase } from '../../server/testing/database.ts';
import { addPerson } from '../../server/testing/people.ts';
import { exited, type ProcessEnd, startNode } from '../../server/testing/process.ts';

function emptyFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-operator-'));
  chmodSync(folder, 0o711);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function run(
  t: TestContext,
  script: 'admin' | 'migrate' | 'worker',
  args: readonly string[],
  env: Record<string, string>,
): Promise<ProcessEnd> {
  const program = fileURLToPath(new URL(`../${script}.js`, import.meta.url));
  return exited(startNode(t, [program, ...args], { DATA_DIR: emptyFolder(t), ...env }));
}

/** A heading and one sentence, without a stack. */
function assertRefused({ code, stdout, stderr }: ProcessEnd, sentence: RegExp): void {
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^[^\n]+can't [^\n]+:\n {2}- [^\n]+\n$/);
  assert.match(stderr, sentence);
}

test('what is asked of `admin` is judged before anything is opened', async (t) => {
  const wrong = { PORT: 'x', DATABASE_URL: 'postgres://sotto@127.0.0.1:1/sotto' };
  const help = await run(t, 'admin', ['--help'], wrong);
  assert.deepEqual([help.code, help.stderr], [0, '']);
  assert.match(help.stdout, /^Usage: npm run admin/);
  for (const args of [[], ['fly'], ['promote']]) {
    const { code, stdout, stderr } = await run(t, 'admin', args, wrong);
    assert.deepEqual([code, stdout], [2, ''], args.join());
    assert.match(stderr, /^Usage: npm run admin/);
  }
});

test('`admin` makes no database where there is none', async (t) => {
  const folder = emptyFolder(t);
  const inside = join(folder, 'data');
  assertRefused(await run(t, 'admin', ['list'], { DATA_DIR: inside }), /There is no database: .*\/data \(DATA_DIR\)/);
  assert.ok(!existsSync(inside));
  assert.deepEqual(readdirSync(folder), []);
});

test('wrong settings and a database that is away are told in one sentence', async (t) => {
  for (const script of ['admin', 'migrate', 'worker'] as const) {
    assertRefused(await run(t, script, ['list'], { PORT: 'x', DATABASE_URL: 'postgres://sotto@h/sotto' }), /PORT must/);
    if (script === 'worker') continue;
    for (const host of ['127.0.0.1', 'localhost']) {
      const away = { DATABASE_URL: `postgres://sotto@${host}:1/sotto` };
      assertRefused(await run(t, script, ['list'], away), /no connection to PostgreSQL \(ECONNREFUSED\)/);
    }
  }
});

test('`admin` changes no tables: those of another version are refused', async (t) => {
  await using empty = await emptyDatabase();
  const refused = await run(t, 'admin', ['list'], { DATABASE_URL: empty.url });
  assertRefused(refused, /older than this program \(it lacks 0001_core, .*`npm run migrate` brings it up to date/);
  assert.equal((await empty.sql`select from pg_tables where schemaname = 'public'`).length, 0);

  await using db = await testDatabase();
  await addPerson(db.sql, 'ada');
  const done = await run(t, 'admin', ['promote', 'Ada'], { DATABASE_URL: db.url });
  assert.deepEqual([done.code, done.stdout, done.stderr], [0, 'promote: ada\n', '']);
  const nobody = await run(t, 'admin', ['promote', 'nobody'], { DATABASE_URL: db.url });
  assert.deepEqual([nobody.code, nobody.stderr], [1, 'No account is called nobody.\n']);
  await db.sql`insert into schema_migrations (version, name, checksum) values (9999, '9999_later', '')`;
  assertRefused(await run(t, 'admin', ['list'], { DATABASE_URL: db.url }), /newer than this program/);
});

test('`admin restored` gives the log a new id, also of a backup of an older version', async (t) => {
  await using db = await testDatabase();
  const env = { DATABASE_URL: db.url };
  assertRefused(await run(t, 'admin', ['restored'], env), /No server has used this database yet/);
  const logId = async () => (await db.sql<{ id: string }[]>`select refresh_log_id() as id`)[0]?.id;
  const before = await logId();
  await db.sql`delete from schema_migrations where version = 7`;
  const done = await run(t, 'admin', ['restored'], env);
  const after = await logId();
  assert.notEqual(after, before);
  assert.deepEqual([done.code, done.stderr], [0, '']);
  assert.match(done.stdout, new RegExp(`new id ${after} \\(it was ${before}\\)`));
});

test('the embedded database is given a new log id while its server is stopped, also in a copy of its folder', async (t) => {
  const folder = emptyFolder(t);
  const first = await startEmbedded(folder);
  await migrate(first.url);
  const gate = openGate(first.url);
  await gate.run('read', (sql) => sql`select refresh_log_id()`);
  await gate.close();
  await first.stop();
  const copy = join(emptyFolder(t), 'data');
  execFileSync('cp', ['-a', folder, copy]);
  const done = await run(t, 'admin', ['restored'], { DATA_DIR: copy });
  assert.deepEqual([done.code, done.stderr], [0, '']);
  assert.match(done.stdout, /^The log has the new id [-0-9a-f]{36} /);
});

test('a worker without a mail server takes no mails', async (t) => {
  await using db = await testDatabase();
  assertRefused(await run(t, 'worker', [], { DATABASE_URL: db.url }), /SMTP_URL is needed/);
});
