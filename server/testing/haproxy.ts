import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from '../embedded/port.ts';
import { eventually } from './eventually.ts';

/** The checked-in configuration before these instances, on a port of the test's own. Answers its address. */
export async function startHaproxy(t: TestContext, ports: readonly number[]): Promise<string> {
  const program = findHaproxy();
  const folder = mkdtempSync(join(tmpdir(), 'sotto-haproxy-'));
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  const servers = ports.map((to, i) => `  server s${i} 127.0.0.1:${to} check\n`).join('');
  const text = readFileSync('deploy/haproxy.cfg', 'utf8')
    .replace(/^ {2}server .*\n/gm, '')
    .replace('bind :8080', `bind 127.0.0.1:${port}`);
  writeFileSync(file, text + servers);
  const child = spawn(program, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk;
  });
  t.after(async () => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`haproxy ended with ${child.exitCode}: ${said}`);
    return (await fetch(`${url}/healthz`).catch(() => undefined))?.status === 200;
  }, 'haproxy passes requests on');
  return url;
}

/** Debian's package, installed if need be: a test that needs it is never skipped. */
function findHaproxy(): string {
  for (const path of ['haproxy', '/usr/sbin/haproxy']) if (spawnSync(path, ['-v']).status === 0) return path;
  const install = spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'haproxy'], { encoding: 'utf8' });
  if (install.status !== 0) throw new Error(`haproxy is needed: apt-get install haproxy\n${install.stderr}`);
  return '/usr/sbin/haproxy';
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}
