import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startFlags } from './node-flags.ts';

export interface Program extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

const START_MS = 20_000;
const STOP_MS = 15_000;

/** Starts a server of this folder in a process of its own; it tells its port as its first message. */
export async function startProgram(path: string, env: Readonly<Record<string, string>> = {}): Promise<Program> {
  const child = fork(fileURLToPath(new URL(path, import.meta.url)), {
    env: { ...process.env, ...env },
    execArgv: startFlags(),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${path} did not start`)), START_MS);
    child.once('message', (message) => {
      clearTimeout(timer);
      resolve(portOf(message));
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${path} ended with ${code}`));
    });
  });
  return {
    pid: child.pid ?? 0,
    port,
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await gone;
      clearTimeout(timer);
    },
  };
}

function portOf(message: unknown): number {
  if (typeof message === 'object' && message !== null && 'port' in message && typeof message.port === 'number')
    return message.port;
  throw new Error('a server told no port');
}
