import { connect, createServer, type Socket } from 'node:net';

/** Stands between servers and Redis, and lets messages of users' channels vanish, which neither side can notice. */
export interface LossyRedis extends AsyncDisposable {
  readonly url: string;
  /** Asked for every message that Redis delivers: true lets it vanish. */
  loses: () => boolean;
  readonly lost: number;
}

export async function lossyRedis(port: number): Promise<LossyRedis> {
  const sockets = new Set<Socket>();
  let lost = 0;
  const listener = createServer((client) => {
    const server = connect(port, '127.0.0.1');
    pipe(client, server, (chunk) => [chunk]);
    const split = replySplitter();
    pipe(server, client, (chunk) => split(chunk).filter((reply) => !(isUserMessage(reply) && self.loses() && ++lost)));
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
  const self: LossyRedis = {
    url: `redis://127.0.0.1:${address.port}`,
    loses: () => false,
    get lost() {
      return lost;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => listener.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return self;
}

/** Heartbeats pass, so that the loss is a silent one. */
const isUserMessage = (reply: Buffer): boolean =>
  /^[*>]3\r\n\$7\r\nmessage\r\n\$\d+\r\n[^\r]*:user:/i.test(reply.toString('latin1', 0, 200));

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
