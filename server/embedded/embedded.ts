import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';

export interface EmbeddedPostgres {
  readonly url: string;
  /** Settles when it runs no more without having been stopped, with the reason. */
  readonly lost: Promise<string>;
  /** Ends the database; whoever still uses it loses the connection. */
  stop(): Promise<void>;
}

/** The database could not be brought up. The message is for the operator. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
}

const reportSchema = v.variant('kind', [
  v.object({ kind: v.literal('ready'), url: v.string() }),
  v.object({ kind: v.literal('failed'), message: v.string() }),
]);

/** Starts the PostgreSQL of this data folder, in a process of its own that ends it when this one is gone. */
export async function startEmbedded(dataDir: string): Promise<EmbeddedPostgres> {
  // PostgreSQL runs as another user if this is root: that one must get through, but not look around.
  mkdirSync(dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
  const program = import.meta.url.endsWith('.ts') ? './keeper.ts' : './keeper.js';
  const keeper = fork(fileURLToPath(new URL(program, import.meta.url)), [realpathSync(dataDir)], {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const ended = new Promise<string>((resolve) => {
    let reason = 'the process that runs PostgreSQL has ended';
    keeper.on('message', (message) => {
      const report = v.safeParse(reportSchema, message);
      if (report.success && report.output.kind === 'failed') reason = report.output.message;
    });
    keeper.once('error', (error) => resolve(error.message));
    keeper.once('exit', () => resolve(reason));
  });
  const url = await Promise.race([ready(keeper), ended.then((reason) => Promise.reject(new EmbeddedError(reason)))]);
  return { url, lost: ended, stop: () => stop(keeper, ended) };
}

function ready(keeper: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    keeper.on('message', (message) => {
      const report = v.safeParse(reportSchema, message);
      if (report.success && report.output.kind === 'ready') resolve(report.output.url);
    });
  });
}

async function stop(keeper: ChildProcess, ended: Promise<string>): Promise<void> {
  if (keeper.connected) keeper.send('stop');
  await ended;
}
