import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';

/** Whatever ends what was started in it, such as a test. */
export type Scope = Pick<TestContext, 'after'>;

/** A process that a test started; what it printed is kept. */
export interface StartedProcess {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Node with these arguments; killed at the end of the test if it still lives. */
export function startNode(
  t: Scope,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = process.cwd(),
): StartedProcess {
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const started = { child, stdout: collect(child.stdout), stderr: collect(child.stderr) };
  t.after(async () => {
    if (hasExited(child)) return;
    child.kill('SIGKILL');
    await exited(started);
  });
  return started;
}

/** Settles when the process has ended and all it printed has been read. */
export function exited(started: StartedProcess): Promise<ProcessEnd> {
  const { child } = started;
  const end = (): ProcessEnd => ({
    code: child.exitCode,
    signal: child.signalCode,
    stdout: started.stdout(),
    stderr: started.stderr(),
  });
  if (hasExited(child) && child.stdout.destroyed && child.stderr.destroyed) return Promise.resolve(end());
  return new Promise((resolve) => child.once('close', () => resolve(end())));
}

/** Waits until the process has printed `pattern`; fails with what it printed if it ends before. */
export function printed(started: StartedProcess, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const match = pattern.exec(started.stdout());
      if (match !== null) resolve(match);
    };
    started.child.stdout.on('data', look);
    started.child.once('close', () =>
      reject(new Error(`ended without printing ${pattern}:\n${started.stdout()}\n${started.stderr()}`)),
    );
    look();
  });
}

function hasExited(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function collect(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
