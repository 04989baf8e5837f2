import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { portProblem } from './listen/listen.ts';

/** What would keep this configuration from working on this machine, one sentence each, before anything is started. */
export async function startProblems(config: Config): Promise<string[]> {
  const problems = [folderProblem(config)];
  if (!config.sharePort) problems.push(await portProblem(config.host, config.port));
  problems.push(await portProblem(config.adminHost, config.adminPort, 'ADMIN_'));
  return problems.filter((problem) => problem !== undefined);
}

function folderProblem(config: Config): string | undefined {
  const used = config.databaseUrl === undefined || config.smtpUrl === undefined || config.pasetoSecretKey === undefined;
  if (!used) return undefined;
  const trial = join(config.dataDir, `.${randomUUID()}`);
  try {
    // The embedded PostgreSQL runs as another user if this is root, and must get through.
    mkdirSync(config.dataDir, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    writeFileSync(trial, '');
    rmSync(trial);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : error;
    return `The data folder ${config.dataDir} can't be written to (${reason}). Choose another with DATA_DIR.`;
  }
}
