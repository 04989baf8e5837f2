import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { openPool, type Sql, type TransactionSql } from './pool.ts';

/** Next to the built file as well as to the source. */
const migrationsFolder = new URL('../../sql/migrations/', import.meta.url);

/** Any number, the same for every server of this kind. */
const lockKey = 7_306_086_972;

export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/** A database that this code must not touch. The message is for the operator. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

/** Brings the database up to date; answers the names of what was applied. Servers that start together apply each file once. */
export async function migrate(url: string, migrations: readonly Migration[] = readMigrations()): Promise<string[]> {
  const sql = openPool({ url, max: 1, name: 'migrate', statementTimeoutMs: 0, lockTimeoutMs: 0 });
  try {
    await checkVersion(sql);
    const applied: string[] = [];
    for (let done = false; !done; ) {
      // One transaction per file. The lock is taken anew each time, so nothing is left behind by a killed server.
      const name = await sql.begin((tx) => applyNext(tx, migrations));
      if (name === undefined) done = true;
      else applied.push(name);
    }
    return applied;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** The migrations that came with this code, in order. */
export function readMigrations(folder: URL = migrationsFolder): Migration[] {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort();
  return files.map((file, index) => {
    const version = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(file)?.[1]);
    if (version !== index + 1)
      throw new SchemaError(`The migration ${file} must be named ${String(index + 1).padStart(4, '0')}_<name>.sql.`);
    const text = readFileSync(new URL(file, folder), 'utf8');
    return { version, name: file.slice(0, -4), text, checksum: createHash('sha256').update(text).digest('hex') };
  });
}

async function applyNext(tx: TransactionSql, migrations: readonly Migration[]): Promise<string | undefined> {
  await tx`select pg_advisory_xact_lock(${lockKey})`;
  const next = findNext(await readApplied(tx), migrations);
  if (next === undefined) return undefined;
  await tx.unsafe(next.text);
  await tx`insert into schema_migrations (version, name, checksum) values (${next.version}, ${next.name}, ${next.checksum})`;
  return next.name;
}

interface Applied {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

async function readApplied(tx: TransactionSql): Promise<Applied[]> {
  await tx`
    create table if not exists schema_migrations (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    )`;
  return tx<Applied[]>`select version, name, checksum from schema_migrations order by version`;
}

function findNext(applied: readonly Applied[], migrations: readonly Migration[]): Migration | undefined {
  for (const row of applied) {
    const known = migrations.find((migration) => migration.version === row.version);
    if (known === undefined) {
      throw new SchemaError(
        `The database is newer than this server: it has the migration ${row.name}, which this server does not know. Start the newer server.`,
      );
    }
    if (known.checksum !== row.checksum) {
      throw new SchemaError(
        `The migration ${known.name} was changed after this database had applied it (it was ${row.name}). Restore the file, and put the change into a new migration.`,
      );
    }
  }
  return migrations.find((migration) => !applied.some((row) => row.version === migration.version));
}

async function checkVersion(sql: Sql): Promise<void> {
  const [row] = await sql<{ version: number; name: string }[]>`
    select current_setting('server_version_num')::integer as version, current_setting('server_version') as name`;
  if (row === undefined || row.version < 170_000)
    throw new SchemaError(`PostgreSQL 17 or newer is needed; this one is ${row?.name}.`);
}
