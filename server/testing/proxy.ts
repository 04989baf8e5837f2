import { connect, createServer, type Socket } from 'node:net';

/** A TCP connection in the middle, to break: stands between code under test and a real server. */
export interface TestProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections stay open and nothing passes any more, as when a machine hangs. */
  freeze(): void;
  thaw(): void;
  /** New connections pass again, those that were frozen never. */
  pass(): void;
  /** Cuts every connection; new ones pass. */
  cut(): void;
  /** From now on a connection is reset at the moment a client says this on it; undefined: no more. */
  cutAt(words: string | undefined): void;
  /** How many connections it has accepted so far. */
  accepted(): number;
}

export async function testProxy(target: { host: string; port: number }): Promise<TestProxy> {
  const sockets = new Set<Socket>();
  let frozen = false;
  let deadly: string | undefined;
  let accepted = 0;
  const join = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.on('data', (chunk) => {
      if (deadly !== undefined && chunk.includes(deadly)) from.resetAndDestroy();
      else to.write(chunk);
    });
    from.on('error', () => {
      // Its 'close' follows, which is what matters.
    });
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    if (frozen) from.pause();
  };
  const server = createServer((client) => {
    accepted += 1;
    const upstream = connect(target.port, target.host);
    join(client, upstream);
    join(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: address.port,
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    pass() {
      frozen = false;
    },
    cut,
    cutAt(words) {
      deadly = words;
    },
    accepted: () => accepted,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}
