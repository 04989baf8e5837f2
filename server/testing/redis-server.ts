import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../embedded/port.ts';

const run = promisify(execFile);

/** A Redis server of the test's own, which it may stop, freeze and start again. */
export interface PrivateRedis extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly pid: number | undefined;
  /** What `redis-cli` answers. */
  cli(...args: string[]): Promise<string>;
  /** Waits until it answers. */
  start(): Promise<void>;
  /** As a crash would: nothing is saved, every connection is lost. */
  kill(): Promise<void>;
  /** It keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
}

/** Starts a server without persistence; `args` are further settings such as `['--cluster-enabled', 'yes']`. */
export async function privateRedis(args: readonly string[] = []): Promise<PrivateRedis> {
  const port = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'sotto-redis-'));
  let child: ChildProcess | undefined;
  const cli = async (...command: string[]): Promise<string> => {
    const { stdout } = await run('redis-cli', ['-h', '127.0.0.1', '-p', String(port), ...command], { timeout: 5000 });
    return stdout.trim();
  };
  const server: PrivateRedis = {
    port,
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child?.pid;
    },
    cli,
    async start() {
      const settings = [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--dir',
        directory,
        ...args,
      ];
      const started = spawn('redis-server', settings, { stdio: 'ignore' });
      child = started;
      // A test that is killed must not leave a server behind.
      process.once('exit', () => started.kill('SIGKILL'));
      await answers(cli, started);
    },
    async kill() {
      const dying = child;
      child = undefined;
      if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
      const gone = new Promise((resolve) => dying.once('exit', resolve));
      dying.kill('SIGKILL');
      await gone;
    },
    freeze() {
      child?.kill('SIGSTOP');
    },
    thaw() {
      child?.kill('SIGCONT');
    },
    async [Symbol.asyncDispose]() {
      await server.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** A Redis Cluster of masters, with the slots shared out evenly. */
export interface PrivateRedisCluster extends AsyncDisposable {
  readonly nodes: readonly PrivateRedis[];
  readonly urls: readonly string[];
}

/** `announced`: where clients are to find each node, if something stands before it. */
export async function privateRedisCluster(
  size = 3,
  announced: (node: number) => number | undefined = () => undefined,
): Promise<PrivateRedisCluster> {
  const nodes: PrivateRedis[] = [];
  for (let i = 0; i < size; i++) {
    const busPort = await freePort();
    const front = announced(i);
    nodes.push(
      await privateRedis([
        '--cluster-enabled',
        'yes',
        '--cluster-port',
        String(busPort),
        '--cluster-node-timeout',
        '2000',
        // Slots whose node is away are refused; the others go on.
        '--cluster-require-full-coverage',
        'no',
        ...(front === undefined ? [] : ['--cluster-announce-port', String(front)]),
      ]),
    );
  }
  await Promise.all(
    nodes.map(async (node, i) => {
      // Nodes that meet with the same epoch give themselves new ones at some later moment; a slot that moves then could
      // be claimed back by its old owner for good.
      await node.cli('cluster', 'set-config-epoch', String(i + 1));
      const share = 16384 / size;
      await node.cli('cluster', 'addslotsrange', String(Math.ceil(i * share)), String(Math.ceil((i + 1) * share) - 1));
    }),
  );
  const [first, ...others] = nodes;
  for (const other of others) {
    const busPort = await other.cli('config', 'get', 'cluster-port').then((text) => text.split('\n')[1] ?? '');
    await first?.cli('cluster', 'meet', '127.0.0.1', String(other.port), busPort);
  }
  await Promise.all(nodes.map((node) => agreed(node, size)));
  return {
    nodes,
    urls: nodes.map((node) => node.url),
    async [Symbol.asyncDispose]() {
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    },
  };
}

async function agreed(node: PrivateRedis, size: number): Promise<void> {
  await until(async () => {
    const info = await node.cli('cluster', 'info');
    return (
      info.includes('cluster_state:ok') &&
      info.includes(`cluster_known_nodes:${size}`) &&
      info.includes('cluster_slots_ok:16384')
    );
  }, 'the cluster did not form');
}

async function answers(cli: (...args: string[]) => Promise<string>, child: ChildProcess): Promise<void> {
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    return (await cli('ping').catch(() => '')) === 'PONG';
  }, 'redis-server did not answer');
}

/** Another program offers no event to wait for, so it is asked again and again; each question takes a process. */
async function until(holds: () => Promise<boolean>, message: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await holds())) if (performance.now() > deadline) throw new Error(message);
}
