import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { basename } from 'node:path';

/** What a figure means nothing without. */
export interface Environment {
  readonly at: string;
  readonly commit: string;
  readonly command: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
  readonly packages: Readonly<Record<string, string>>;
  /** Of the last minute before the run: what else the machine was doing. */
  readonly load: number;
  /** Whether idle cores were kept from sleeping; unknown of older results. */
  readonly awake?: boolean;
}

const PACKAGES = ['uWebSockets.js', 'postgres', 'valibot', 'socket.io', '@socket.io/redis-adapter', 'ioredis'];

export function readEnvironment(awake: boolean): Environment {
  const [first] = cpus();
  return {
    at: new Date().toISOString(),
    commit: commit(),
    command: command(),
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    packages: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    awake,
  };
}

function command(): string {
  const script = process.env.npm_lifecycle_event;
  const program = script === undefined ? `node dist/bench/${basename(process.argv[1] ?? '')}` : `npm run ${script} --`;
  return [program, ...process.argv.slice(2)].join(' ').replace(/ --$/, '');
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const dirty = git(
      'status',
      '--porcelain',
      '--untracked-files=no',
      '--',
      'server',
      'protocol',
      'sql',
      'package.json',
      'bench/driver',
      'bench/baselines',
    );
    return git('rev-parse', '--short', 'HEAD') + (dirty === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}

function versionOf(name: string): string {
  try {
    const text = readFileSync(new URL(`../../../node_modules/${name}/package.json`, import.meta.url), 'utf8');
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
  } catch {
    // Not installed: it took no part.
  }
  return 'absent';
}
