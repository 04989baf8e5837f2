// `npm test`: builds, starts one PostgreSQL for the whole run, runs the tests, takes it away again. Tests that need
// Redis start servers of their own, because they stop, freeze and cluster them.
//   npm test -- store http/     only test files whose path contains one of these words
//   npm test -- --long          also *.long.test.ts
// TEST_DATABASE_URL (of a superuser) names a running PostgreSQL to use instead.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const words = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const long = process.argv.includes('--long');
const cleanups = [];
let runner;
let interrupted = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    interrupted = true;
    runner?.kill('SIGTERM');
  });
}

let code = 1;
try {
  code = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}
process.exit(interrupted ? 130 : code);

async function main() {
  build();
  const files = testFiles();
  if (files.length === 0) throw new Error(`No test file matches: ${words.join(' ')}`);
  needRedis();
  const env = { ...withoutSettings(process.env), TEST_DATABASE_URL: await database() };
  const flags = [
    '--enable-source-maps',
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${Math.max(2, Math.min(availableParallelism(), 4))}`,
    `--test-timeout=${long ? 1_800_000 : 300_000}`,
    ...(process.env.CI && !long ? ['--import', './dist/scripts/testing/fixed-cases.js'] : []),
  ];
  if (interrupted) return 130;
  runner = spawn(process.execPath, [...flags, ...files], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve) => runner.once('exit', (status) => resolve(status ?? 1)));
}

function build() {
  // Tests of files that were renamed or deleted must not linger in dist/.
  for (const folder of ['protocol', 'server', 'client', 'sql', 'scripts', 'bench']) {
    for (const file of filesBelow(join('dist', folder), '.test.js')) {
      if (!existsSync(file.slice('dist/'.length).replace(/\.js$/, '.ts'))) rmSync(file);
    }
  }
  const built = spawnSync('npm', ['run', '--silent', 'build'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (built.status !== 0) throw new Error('The build failed.');
}

function testFiles() {
  return filesBelow('dist', '.test.js')
    .filter((file) => long || !file.endsWith('.long.test.js'))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort();
}

function filesBelow(folder, ending) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name));
}

/** The settings of a server that this shell is prepared for must not reach the servers that tests start. */
function withoutSettings(env) {
  const names =
    /^(HOST|PORT|ADMIN_HOST|ADMIN_PORT|DATA_DIR|DATABASE_URL|REDIS_URL|SMTP_URL|MAIL_FROM|PUBLIC_URL|PASETO_SECRET_KEY|PASETO_PUBLIC_KEYS|ORIGINS|TRUSTED_PROXIES|REQUIRE_MLS|SHUTDOWN_GRACE_MS|RETENTION_DAYS|POSITION_CHECK_MS|LOG_LEVEL|SHARE_PORT|NODE_TEST_CONTEXT)$/;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.test(name)));
}

async function database() {
  if (process.env.TEST_DATABASE_URL) return process.env.TEST_DATABASE_URL;
  const { throwAwayPostgres } = await import('../dist/server/testing/postgres.js');
  const postgres = await throwAwayPostgres();
  cleanups.push(() => postgres.stop());
  return postgres.url;
}

/** Told before the first test runs, instead of by many that fail. */
function needRedis() {
  if (!hasRedis() && process.getuid?.() === 0) {
    console.log('redis-server is missing: installing it with apt-get');
    spawnSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-qy', '--no-install-recommends', 'redis-server'], { stdio: 'ignore' });
  }
  if (!hasRedis()) throw new Error('The tests need Redis: install redis-server (7 or newer).');
}

function hasRedis() {
  return ['redis-server', 'redis-cli'].every(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
}
