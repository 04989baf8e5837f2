// Writes sql/queries/<subject>.queries.ts for each sql/queries/<subject>.sql, typed by the schema of a freshly migrated
// PostgreSQL: a throw-away one, or a new database of the one in DATABASE_URL. Needs `npm run build` before.
//   --check   writes nothing, and fails if the generated files are not what the queries and the schema say
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const queries = 'sql/queries';
const check = process.argv.includes('--check');
const work = mkdtempSync(join(tmpdir(), 'sotto-queries-'));
const { throwAwayPostgres } = await import('../dist/server/testing/postgres.js');
const own = process.env.DATABASE_URL ? undefined : await throwAwayPostgres();
process.env.TEST_DATABASE_URL = own?.url ?? process.env.DATABASE_URL;
try {
  const { testDatabase } = await import('../dist/server/testing/database.js');
  const db = await testDatabase();
  try {
    process.exitCode = compareOrWrite(generate(db.url));
  } finally {
    await db[Symbol.asyncDispose]();
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await own?.stop();
  rmSync(work, { recursive: true, force: true });
}

/** Runs pgtyped on a copy; answers the text of each file it should have made. */
function generate(url) {
  const names = readdirSync(queries).filter((name) => name.endsWith('.sql'));
  if (names.length === 0) return new Map();
  for (const name of names) cpSync(join(queries, name), join(work, queries, name));
  cpSync('pgtyped.json', join(work, 'pgtyped.json'));
  const program = resolve('node_modules', '@pgtyped', 'cli', 'lib', 'index.js');
  const run = spawnSync(process.execPath, [program, '-c', 'pgtyped.json', '--uri', url], {
    cwd: work,
    encoding: 'utf8',
  });
  const output = `${run.stdout}${run.stderr}`;
  // pgtyped ends with 0 also when a query is wrong.
  if (run.status !== 0 || /Error in query|Parse error/.test(output)) throw new Error(output.trim());
  return new Map(
    names.map((name) => {
      const file = name.replace(/\.sql$/, '.queries.ts');
      if (!existsSync(join(work, queries, file))) throw new Error(`pgtyped wrote nothing for ${name}:\n${output}`);
      return [file, fitted(readFileSync(join(work, queries, file), 'utf8'))];
    }),
  );
}

/** Names our adapter in the place of pgtyped's runtime. */
function fitted(text) {
  return text.replaceAll("'@pgtyped/runtime'", "'../adapter.ts'");
}

function compareOrWrite(wanted) {
  const present = readdirSync(queries).filter((name) => name.endsWith('.queries.ts'));
  const stale = present.filter((name) => !wanted.has(name));
  const changed = [...wanted].filter(([name, text]) => {
    const path = join(queries, name);
    return !existsSync(path) || readFileSync(path, 'utf8') !== text;
  });
  if (check) {
    const wrong = [...stale, ...changed.map(([name]) => name)];
    if (wrong.length === 0) return 0;
    console.error(`Not what the queries and the schema say (run npm run queries): ${wrong.join(', ')}`);
    return 1;
  }
  for (const name of stale) rmSync(join(queries, name));
  for (const [name, text] of changed) writeFileSync(join(queries, name), text);
  console.log(`${wanted.size} files of queries, ${changed.length} written, ${stale.length} removed`);
  return 0;
}
