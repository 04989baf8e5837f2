import { createHash, randomBytes } from 'node:crypto';
import { migrate, readMigrations } from '../store/migrate.ts';
import { openPool, type Sql } from '../store/pool.ts';

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  /** For looking at what the code under test stored; opened for this database only. */
  readonly sql: Sql;
}

/** A migrated database of its own for the caller: `await using db = await testDatabase()`. */
export async function testDatabase(): Promise<TestDatabase> {
  const template = await templateDatabase();
  return copyOf(template);
}

/** A database of its own with nothing in it. */
export function emptyDatabase(): Promise<TestDatabase> {
  return copyOf('template1');
}

async function copyOf(template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await asAdmin((sql) => sql`create database ${sql(name)} template ${sql(template)}`);
  const url = urlOf(name);
  const sql = openPool({ url, max: 4, name: 'test', statementTimeoutMs: 60_000, lockTimeoutMs: 0 });
  return {
    url,
    sql,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await asAdmin((admin) => admin`drop database ${admin(name)} with (force)`);
    },
  };
}

/** Copying a migrated database takes a few hundredths of a second; migrating takes longer with every migration. */
async function templateDatabase(): Promise<string> {
  const migrations = readMigrations();
  const hash = createHash('sha256')
    .update(migrations.map((migration) => migration.checksum).join())
    .digest('hex');
  const name = `template_${hash.slice(0, 16)}`;
  return asAdmin((sql) =>
    sql.begin(async (tx) => {
      // Test files run in processes of their own: the first one makes it, under a lock, and marks it when finished.
      await tx`select pg_advisory_xact_lock(7306086973)`;
      const [found] = await tx<
        { ready: boolean }[]
      >`select datistemplate as ready from pg_database where datname = ${name}`;
      if (found?.ready === true) return name;
      await asAdmin(async (admin) => {
        await admin`drop database if exists ${admin(name)}`;
        await admin`create database ${admin(name)}`;
        await migrate(urlOf(name), migrations);
        await admin`alter database ${admin(name)} is_template true`;
      });
      return name;
    }),
  );
}

async function asAdmin<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = openPool({ url: adminUrl(), max: 1, name: 'test admin', statementTimeoutMs: 60_000, lockTimeoutMs: 0 });
  try {
    return await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function urlOf(database: string): string {
  const url = new URL(adminUrl());
  url.pathname = `/${database}`;
  return url.href;
}

function adminUrl(): string {
  const url = process.env.TEST_DATABASE_URL;
  if (url === undefined) throw new Error('TEST_DATABASE_URL is not set: run tests with `npm test -- <part of a path>`');
  return url;
}
