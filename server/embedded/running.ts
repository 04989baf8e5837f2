import { existsSync, realpathSync } from 'node:fs';
import { livingPostmaster } from './alive.ts';
import { databaseFolder, readAccess, urlOf } from './folder.ts';

/** Where the database of this data folder can be reached while a server has it up; for programs beside the server. */
export function runningDatabase(dataDir: string): string | undefined {
  if (!existsSync(dataDir)) return undefined;
  const folder = databaseFolder(realpathSync(dataDir));
  if (livingPostmaster(folder.cluster) === undefined) return undefined;
  return urlOf(folder, readAccess(folder));
}
