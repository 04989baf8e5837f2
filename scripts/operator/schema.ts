import { StoreRefused } from '../../server/store/errors.ts';
import type { Gate } from '../../server/store/gate.ts';
import { readMigrations } from '../../server/store/migrate.ts';

const UNDEFINED_TABLE = '42P01';

/** What keeps this program from working with the tables as they are. It changes none: other servers may be using them. */
export async function schemaProblem(gate: Gate, howToMigrate: string): Promise<string | undefined> {
  const applied = await appliedVersions(gate);
  const known = readMigrations();
  const newer = applied.filter((version) => !known.some((migration) => migration.version === version));
  if (newer.length > 0) return 'The database is newer than this program: take the one that came with the newer server.';
  const missing = known.filter(({ version }) => !applied.includes(version)).map(({ name }) => name);
  if (missing.length === 0) return undefined;
  return `The database is older than this program (it lacks ${missing.join(', ')}): ${howToMigrate} brings it up to date.`;
}

async function appliedVersions(gate: Gate): Promise<number[]> {
  try {
    const rows = await gate.run('read', (sql) => sql<{ version: number }[]>`select version from schema_migrations`);
    return rows.map(({ version }) => version);
  } catch (error) {
    if (error instanceof StoreRefused && error.sqlState === UNDEFINED_TABLE) return [];
    throw error;
  }
}
