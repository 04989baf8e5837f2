// `npm run cluster -- 4`: that many servers on this machine, all on one PORT, between which the system shares out the
// connections. They need REDIS_URL, DATABASE_URL and PASETO_SECRET_KEY as any set of instances does. One that dies is
// started again; SIGTERM or Ctrl-C ends all of them as it ends one, and so does the end of this process, however it comes.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../server/main.js', import.meta.url));
/** One that ends sooner than this after its start is not started again: something is wrong that a restart can't mend. */
const SETTLED_MS = 10_000;

const size = Number(process.argv[2] ?? 2);
if (!Number.isInteger(size) || size < 1 || size > 64) exitWith('Say how many servers, 1 to 64: npm run cluster -- 4');
for (const name of ['DATABASE_URL', 'REDIS_URL', 'PASETO_SECRET_KEY']) {
  if (!process.env[name]) exitWith(`${name} is needed: several servers share it.`);
}

const port = Number(process.env.PORT ?? 8080);
const firstAdminPort = Number(process.env.ADMIN_PORT ?? port + 1);
const children = new Map<number, ChildProcess>();
let ending = false;
let code = 0;

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(signal));
for (let i = 0; i < size; i++) start(i);

function start(i: number): void {
  const env = { ...process.env, PORT: String(port), ADMIN_PORT: String(firstAdminPort + i), SHARE_PORT: 'true' };
  const startedAt = Date.now();
  // The channel says nothing; a server stops when it closes.
  const stdio = ['inherit', 'inherit', 'inherit', 'ipc'] as const;
  const child = spawn(process.execPath, [...process.execArgv, MAIN], { env, stdio: [...stdio] });
  children.set(i, child);
  child.on('error', (error) => {
    process.stderr.write(`Server ${i} can't be started: ${error.message}\n`);
  });
  child.once('exit', (status, signal) => {
    children.delete(i);
    if (!ending && Date.now() - startedAt > SETTLED_MS) {
      process.stderr.write(`Server ${i} ended (${signal ?? status}) and is started again.\n`);
      start(i);
      return;
    }
    if (status !== 0) code = status ?? 1;
    // Half a cluster that looks whole would be worse than none.
    if (!ending) end('SIGTERM');
    if (children.size === 0) process.exit(code);
  });
}

function end(signal: 'SIGTERM' | 'SIGINT'): void {
  ending = true;
  // Ctrl-C has reached the servers already, as they are in the same terminal; for those it is a harmless repetition.
  for (const child of children.values()) child.kill(signal);
}

function exitWith(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
