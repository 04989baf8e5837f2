/** `npm run migrate`: brings the database in DATABASE_URL up to date, for operators who do that apart from a start. */
import { readConfig } from '../server/config.ts';
import { migrate } from '../server/store/migrate.ts';

const { databaseUrl } = readConfig(process.env);
if (databaseUrl === undefined) {
  process.stderr.write('DATABASE_URL is not set. The embedded PostgreSQL is brought up to date by `npm start`.\n');
  process.exit(1);
}
try {
  const applied = await migrate(databaseUrl);
  process.stdout.write(applied.length === 0 ? 'The database is up to date.\n' : `Applied: ${applied.join(', ')}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
