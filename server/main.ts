import { setFlagsFromString } from 'node:v8';
import { type App, startApp } from './app.ts';
import { type Config, ConfigError, configDoubts, httpUrl, localUrl, readOwnConfig } from './config.ts';
import { type EmbeddedPostgres, startEmbedded } from './embedded/embedded.ts';
import { freePort } from './embedded/port.ts';
import { createLog } from './log.ts';
import { startProblems } from './preflight.ts';
import { migrate } from './store/migrate.ts';
import { onceReachable } from './store/once-reachable.ts';

/** Ctrl-C reaches this process twice if npm started it: once from the terminal, once from npm. */
const sameSignalMs = 1_000;

let app: App | undefined;
let embedded: EmbeddedPostgres | undefined;
let signalled: number | undefined;
/** The database is being stopped on purpose. */
let ending = false;

// Left to itself V8 lets a heap grow up to fourfold before it collects it, and thousands of idle connections then take three times
// what they need. Twice is as quick; less costs CPU time. This holds for every size of heap.
setFlagsFromString('--heap-growing-percent=100');

const config = await configOrExit();
const log = createLog(config.logLevel);
process.on('uncaughtException', (error) => {
  // The state is unknown: whatever is left to do is done by the next start. The database ends with this process.
  log.fatal({ err: error }, 'a bug ended the server');
  process.exit(1);
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void onSignal(signal));
// A cluster that was killed can't tell its servers; left behind, they would hold the port and nobody would know them.
if (config.sharePort) process.once('disconnect', () => void onSignal('SIGTERM'));

try {
  const databaseUrl = config.databaseUrl ?? (await bringUpDatabase());
  const applied = await onceReachable(
    () => migrate(databaseUrl),
    (err) => log.warn({ err }, 'PostgreSQL is not there yet'),
  );
  if (applied.length > 0) log.info({ applied }, 'the database was brought up to date');
  app = await startApp(config, databaseUrl, log);
  if (signalled === undefined) say(welcome(config));
} catch (error) {
  if (signalled === undefined) {
    ending = true;
    await embedded?.stop();
    exitWith([error instanceof Error ? error.message : String(error)]);
  }
}

async function configOrExit(): Promise<Config> {
  try {
    const read = await readOwnConfig(freePort);
    const problems = await startProblems(read);
    return problems.length > 0 ? exitWith(problems) : read;
  } catch (error) {
    if (error instanceof ConfigError) return exitWith(error.problems);
    throw error;
  }
}

async function bringUpDatabase(): Promise<string> {
  embedded = await startEmbedded(config.dataDir);
  embedded.lost.then((reason) => {
    if (ending) return;
    log.fatal({ reason }, 'the embedded PostgreSQL is gone');
    process.exit(1);
  });
  return embedded.url;
}

async function onSignal(signal: 'SIGTERM' | 'SIGINT'): Promise<void> {
  const now = Date.now();
  if (signalled !== undefined) {
    if (now - signalled > sameSignalMs) process.exit(signal === 'SIGINT' ? 130 : 143);
    return;
  }
  signalled = now;
  ending = true;
  log.info({ signal, graceMs: config.shutdownGraceMs }, 'stopping');
  await app?.drain(config.shutdownGraceMs);
  // PostgreSQL goes last: until here everything could still be stored.
  await embedded?.stop();
  process.exit(0);
}

function welcome(config: Config): string {
  const { host, port, adminHost, adminPort, dataDir, databaseUrl, redisUrl, smtpUrl, publicUrl } = config;
  const url = httpUrl(host, port);
  return `Sotto is ready.
  sockets, HTTP  ${url}${publicUrl === url ? '' : ` (links in mails: ${publicUrl})`}
  administration ${httpUrl(adminHost, adminPort)}
  PostgreSQL     ${databaseUrl === undefined ? `embedded, its data is in ${dataDir}` : `yours, ${place(databaseUrl)}`}
  Redis          ${redisUrl === undefined ? 'none: this is the only instance' : redisUrl.split(',').map(place).join(', ')}
  mail           ${smtpUrl === undefined ? `files in ${dataDir}/mail` : place(smtpUrl)}
${configDoubts(config)
  .map((doubt) => `  warning        ${doubt}\n`)
  .join(
    '',
  )}${databaseUrl === undefined ? `Try next: ${chatCommand(config)}, in two terminals. ` : ''}Stop with Ctrl-C; starting again keeps the data.
`;
}

function chatCommand(config: Config): string {
  const url = localUrl(config);
  return url === 'http://127.0.0.1:8080' ? 'npm run chat' : `npm run chat -- --server ${url}`;
}

/** An address without its password. */
function place(text: string): string {
  const { protocol, host, pathname, searchParams } = new URL(text.trim());
  const folder = searchParams.get('host');
  return `${protocol}//${host}${pathname}${folder === null ? '' : ` on the socket in ${folder}`}`;
}

function say(text: string): void {
  process.stdout.write(text);
}

function exitWith(problems: readonly string[]): never {
  process.stderr.write(`Sotto can't start:\n${problems.map((problem) => `  - ${problem}\n`).join('')}`);
  process.exit(1);
}
