import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../server/embedded/port.ts';
import { startFlags } from './node-flags.ts';

const MAIN = fileURLToPath(new URL('../../server/main.js', import.meta.url));
const START_MS = 30_000;
const LINES_KEPT = 5;

export interface ServerOptions {
  readonly databaseUrl: string;
  /** PASERK of the key whose tokens it accepts. */
  readonly secretKey: string;
  /** Absent: any free one. */
  readonly port?: number;
  readonly redisUrl?: string;
  /** Absent: opaque messages are taken, too. */
  readonly requireMls?: boolean;
  /** Flags for Node, such as `--cpu-prof`. */
  readonly nodeFlags?: readonly string[];
}

export interface ServerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** As a crash would. */
  kill(): Promise<void>;
}

/** From its start on whatever it says is a warning, and belongs to the figures; but a flood of them helps nobody. */
function sayFirst(): (chunk: Buffer) => void {
  let left = LINES_KEPT;
  return (chunk) => {
    for (const line of chunk.toString().split('\n')) {
      if (line === '' || left < 0) continue;
      process.stderr.write(left-- > 0 ? `server: ${line.slice(0, 200)}\n` : 'server: and more\n');
    }
  };
}

/** The server as `npm start` runs it, on the bench's database. */
export async function startServerProcess(options: ServerOptions): Promise<ServerProcess> {
  const port = options.port ?? (await freePort());
  const dataDir = mkdtempSync(join(tmpdir(), 'sotto-bench-server-'));
  const child = spawn(process.execPath, [...startFlags(), ...(options.nodeFlags ?? []), MAIN], {
    env: {
      ...process.env,
      DATABASE_URL: options.databaseUrl,
      PASETO_SECRET_KEY: options.secretKey,
      REDIS_URL: options.redisUrl ?? '',
      HOST: '127.0.0.1',
      PORT: String(port),
      ADMIN_PORT: String(await freePort()),
      DATA_DIR: dataDir,
      REQUIRE_MLS: String(options.requireMls ?? false),
      SHUTDOWN_GRACE_MS: '0',
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const abandon = () => {
    child.kill('SIGKILL');
    rmSync(dataDir, { recursive: true, force: true });
  };
  process.once('exit', abandon);
  await new Promise<void>((resolve, reject) => {
    const failed = (why: string) => reject(new Error(`the server ${why}:\n${lines.join('')}`));
    const timer = setTimeout(() => failed('did not start'), START_MS);
    const listen = (chunk: Buffer) => {
      if (lines.push(chunk.toString()) > LINES_KEPT) lines.shift();
      if (!lines.join('').includes('Sotto is ready')) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('exit', (code) => failed(`ended with ${code}`));
  });
  for (const stream of [child.stdout, child.stderr]) stream.removeAllListeners('data').on('data', sayFirst());
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
    await gone;
    clearTimeout(timer);
    process.off('exit', abandon);
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { pid: child.pid ?? 0, port, kill: () => end('SIGKILL'), [Symbol.asyncDispose]: () => end('SIGTERM') };
}
