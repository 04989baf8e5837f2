/** `npm run migrate`: brings the database in DATABASE_URL up to date, for operators who do that apart from a start. */
import { migrate } from '../server/store/migrate.ts';
import { exitWith, reasonOf, settingsOrExit } from './operator/refusal.ts';

const heading = "The database can't be brought up to date";

const { databaseUrl } = settingsOrExit(heading);
if (databaseUrl === undefined)
  exitWith(heading, ['DATABASE_URL is not set. The embedded PostgreSQL is brought up to date by `npm start`.']);
try {
  const applied = await migrate(databaseUrl);
  process.stdout.write(applied.length === 0 ? 'The database is up to date.\n' : `Applied: ${applied.join(', ')}\n`);
} catch (error) {
  exitWith(heading, [reasonOf(error)]);
}
