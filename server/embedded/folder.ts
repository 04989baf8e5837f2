import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { urlAt } from './socket.ts';

/** Where the embedded database keeps its things in the data folder. */
export interface DatabaseFolder {
  /** The cluster itself. */
  readonly cluster: string;
  /** Where it listens and its password, for us only. */
  readonly access: string;
  /** Who runs it. */
  readonly lock: string;
  /** What PostgreSQL prints. */
  readonly log: string;
  /** A folder with nothing but its UNIX socket. */
  readonly socket: string;
}

export function databaseFolder(dataDir: string): DatabaseFolder {
  return {
    cluster: join(dataDir, 'postgres'),
    access: join(dataDir, 'postgres.json'),
    lock: join(dataDir, 'postgres.lock'),
    log: join(dataDir, 'postgres.log'),
    socket: join(dataDir, 'postgres.socket'),
  };
}

/** `port` is that of 127.0.0.1, and 0 if it listens on its UNIX socket alone. */
const accessSchema = v.object({ password: v.string(), port: v.number() });
export type Access = v.InferOutput<typeof accessSchema>;

/** What its server, and programs beside it, connect to. */
export const urlOf = ({ socket }: DatabaseFolder, { password, port }: Access): string =>
  urlAt(port === 0 ? socket : port, password);

/** What to connect with; a new password if there is none yet. */
export function readAccess(folder: DatabaseFolder): Access {
  const known = readJson(folder.access, accessSchema);
  if (known !== undefined) return known;
  if (existsSync(folder.cluster)) {
    throw new Error(
      `${folder.access}, with the password of the database in ${folder.cluster}, is missing or damaged. Restore both from the same backup.`,
    );
  }
  return { password: randomBytes(24).toString('base64url'), port: 0 };
}

export function writeAccess(folder: DatabaseFolder, access: Access): void {
  writeDurably(folder.access, JSON.stringify(access));
}

/** What a small file says; `undefined` if it is not there or not whole. */
function readJson<T>(path: string, schema: v.GenericSchema<unknown, T>): T | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return v.parse(schema, JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // Taken away meanwhile, cut off or foreign: as good as missing, and the caller knows what that means.
    return undefined;
  }
}

/** Whole or not at all, also when the machine loses power. */
function writeDurably(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}
