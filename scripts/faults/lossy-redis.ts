import { connect, createServer, type Socket } from 'node:net';
import { type PrivateRedis, privateRedis, privateRedisCluster } from '../../server/testing/redis-server.ts';

/** Redis with something between it and the servers that lets messages of users' channels vanish, which neither side can notice. */
export interface LossyRedis extends AsyncDisposable {
  /** One server, or the masters of a Cluster. */
  readonly nodes: readonly [PrivateRedis, ...PrivateRedis[]];
  /** Where the servers find it. */
  readonly url: string;
  /** Asked for every message that Redis delivers: true lets it vanish. */
  loses: () => boolean;
  readonly lost: number;
}

const MASTERS = 3;

export async function lossyServer(): Promise<LossyRedis> {
  const redis = await privateRedis();
  const proxy = await lossyProxy(
    () => redis.port,
    () => self.loses(),
  );
  const self = lossy([redis], [proxy], async () => {
    await redis[Symbol.asyncDispose]();
  });
  return self;
}

/** Its nodes announce the proxies, so that clients that are sent from one to another come through them, too. */
export async function lossyCluster(): Promise<LossyRedis> {
  const proxies: LossyProxy[] = [];
  for (let i = 0; i < MASTERS; i++)
    proxies.push(
      await lossyProxy(
        () => cluster.nodes[i]?.port ?? 0,
        () => self.loses(),
      ),
    );
  const cluster = await privateRedisCluster(MASTERS, (i) => proxies[i]?.port);
  const [first, ...others] = cluster.nodes;
  if (first === undefined) throw new Error('the cluster has no nodes');
  const self = lossy([first, ...others], proxies, () => cluster[Symbol.asyncDispose]());
  return self;
}

function lossy(nodes: LossyRedis['nodes'], proxies: readonly LossyProxy[], end: () => PromiseLike<void>): LossyRedis {
  return {
    nodes,
    url: proxies.map(({ port }) => `redis://127.0.0.1:${port}`).join(),
    loses: () => false,
    get lost() {
      return proxies.reduce((sum, proxy) => sum + proxy.lost, 0);
    },
    async [Symbol.asyncDispose]() {
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
      await end();
    },
  };
}

interface LossyProxy extends AsyncDisposable {
  readonly port: number;
  readonly lost: number;
}

async function lossyProxy(target: () => number, loses: () => boolean): Promise<LossyProxy> {
  const sockets = new Set<Socket>();
  let lost = 0;
  const listener = createServer((client) => {
    const server = connect(target(), '127.0.0.1');
    pipe(client, server, (chunk) => [chunk]);
    const split = replySplitter();
    pipe(server, client, (chunk) => split(chunk).filter((reply) => !(isUserMessage(reply) && loses() && ++lost)));
  });

  function pipe(from: Socket, to: Socket, pass: (chunk: Buffer) => Buffer[]): void {
    sockets.add(from);
    from.setNoDelay();
    from.on('data', (chunk) => {
      for (const part of pass(chunk)) to.write(part);
    });
    from.on('error', () => {
      // Its 'close' follows, which is what matters.
    });
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  }

  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    get lost() {
      return lost;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => listener.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Heartbeats pass, so that the loss is a silent one. */
const isUserMessage = (reply: Buffer): boolean =>
  /^[*>]3\r\n\$[78]\r\ns?message\r\n\$\d+\r\n[^\r]*:user:/i.test(reply.toString('latin1', 0, 200));

/** Cuts what Redis says into whole replies. */
function replySplitter(): (chunk: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const found: Buffer[] = [];
    for (let end = endOf(rest, 0); end !== undefined; end = endOf(rest, 0)) {
      found.push(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    return found;
  };
}

/** Where the reply that begins at `start` ends; undefined while it is incomplete. */
function endOf(bytes: Buffer, start: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd < 0) return undefined;
  const after = lineEnd + 2;
  const kind = String.fromCharCode(bytes[start] ?? 0);
  const count = Number(bytes.toString('latin1', start + 1, lineEnd));
  if ('$=!'.includes(kind)) {
    const end = count < 0 ? after : after + count + 2;
    return end <= bytes.length ? end : undefined;
  }
  if (!'*>~%'.includes(kind)) return after;
  let end: number | undefined = after;
  for (let i = kind === '%' ? count * 2 : count; i > 0 && end !== undefined; i--) end = endOf(bytes, end);
  return end;
}
