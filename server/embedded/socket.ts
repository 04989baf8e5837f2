import { once } from 'node:events';
import { chmodSync, lchownSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { type Settings, superuser } from './cluster.ts';

/** Where a cluster listens: on the socket in this folder, or on this port of 127.0.0.1. */
export type Place = string | number;

/** The port of a cluster without TCP is but a part of its socket's name. */
const SOCKET_NAME = '.s.PGSQL.5432';
/** What fits into the address of a socket on every system. */
const MAX_SOCKET_PATH = 103;

/**
 * Makes `folder` anew, for the socket of a cluster that isn't running, open to nobody but the database's user and us. A
 * UNIX socket is out of reach for all others of this machine, and takes less CPU time than TCP. False where
 * there can be none: on Windows, below a long path, on some file systems.
 */
export async function makeSocketFolder({ user }: Binaries, folder: string): Promise<boolean> {
  const path = join(folder, SOCKET_NAME);
  rmSync(folder, { recursive: true, force: true });
  if (process.platform === 'win32' || Buffer.byteLength(path) > MAX_SOCKET_PATH) return false;
  mkdirSync(folder, { mode: 0o700 });
  // Before anybody else has a turn, and no link is followed: whoever owns the data folder could put one in its place.
  if (user.kind === 'other') lchownSync(folder, user.uid, user.gid);
  return carriesSocket(path);
}

/** Whether PostgreSQL will get along with this file system: shared folders of virtual machines take a socket, but no more. */
async function carriesSocket(path: string): Promise<boolean> {
  const probe = createServer((socket) => socket.destroy());
  try {
    await once(probe.listen(path), 'listening');
    chmodSync(path, 0o600);
    const client = connect(path);
    await once(client, 'connect');
    client.destroy();
    return true;
  } catch {
    return false;
  } finally {
    await new Promise((resolve) => probe.close(resolve));
  }
}

/** What to connect to, as libpq writes it. */
export const urlAt = (place: Place, password: string): string =>
  typeof place === 'string'
    ? `postgres://${superuser}:${password}@localhost/postgres?host=${encodeURIComponent(place)}`
    : `postgres://${superuser}:${password}@127.0.0.1:${place}/postgres`;

export const listenOn = (place: Place): Settings =>
  typeof place === 'string'
    ? { port: 5432, listen_addresses: '', unix_socket_directories: `"${place.replaceAll('"', '""')}"` }
    : { port: place, listen_addresses: '127.0.0.1', unix_socket_directories: '' };
