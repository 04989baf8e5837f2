import { connect, createServer, type Socket } from 'node:net';
import type { Random } from '../../server/delivery/simulation/random.ts';

/** How badly frames travel through a proxy. */
export interface FrameWeather {
  /**
   * The share of frames that vanish, from the client and to it. After the first one to it, all that follow vanish with it:
   * a network that loses something never goes on after a hole, and a device may take its first event for the beginning.
   */
  readonly dropUp: number;
  readonly dropDown: number;
  /** The longest that a frame is held up; none overtakes another. */
  readonly delayMs: number;
}

export const fair: FrameWeather = { dropUp: 0, dropDown: 0, delayMs: 0 };

/** A TCP connection between clients and a server that knows where WebSocket frames begin: it drops and delays whole ones. */
export interface FrameProxy extends AsyncDisposable {
  readonly port: number;
  weather: FrameWeather;
  /** Cuts this share of the connections. */
  cut(share: number, random: Random): void;
  /** Fair weather again. A network that lost something on a connection doesn't go on with it: those are cut. */
  heal(): void;
  readonly dropped: number;
}

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  lossy: boolean;
}

export async function frameProxy(target: { host: string; port: number }, random: () => Random): Promise<FrameProxy> {
  const links = new Set<Link>();
  let dropped = 0;

  const listener = createServer((client) => {
    const link: Link = { client, server: connect(target.port, target.host), lossy: false };
    links.add(link);
    carry(link, link.client, link.server, () => proxy.weather.dropUp);
    let lost = false;
    carry(link, link.server, link.client, () => {
      lost ||= random().chance(proxy.weather.dropDown);
      return lost ? 1 : 0;
    });
  });

  function carry(link: Link, from: Socket, to: Socket, drop: () => number): void {
    const split = frameSplitter();
    const late: { readonly bytes: Buffer; readonly due: number }[] = [];
    // Timers of their own could overtake each other.
    const flush = (): void => {
      for (let next = late[0]; next !== undefined && next.due <= performance.now(); next = late[0]) {
        late.shift();
        if (to.writable) to.write(next.bytes);
      }
      if (late[0] !== undefined) setTimeout(flush, Math.max(1, late[0].due - performance.now()));
    };
    const pass = (bytes: Buffer): void => {
      const { delayMs } = proxy.weather;
      if (delayMs === 0 && late.length === 0) return void to.write(bytes);
      const due = Math.max(late.at(-1)?.due ?? 0, performance.now() + random().int(0, delayMs));
      if (late.push({ bytes, due }) === 1) setTimeout(flush, due - performance.now());
    };
    from.on('data', (chunk) => {
      for (const { bytes, data } of split(chunk)) {
        if (data && random().chance(drop())) {
          link.lossy = true;
          dropped++;
        } else pass(bytes);
      }
    });
    from.on('error', () => {
      // Its 'close' follows, which is what matters.
    });
    // What is still held up is lost with the connection.
    from.on('close', () => {
      links.delete(link);
      to.destroy();
    });
  }

  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const proxy: FrameProxy = {
    port: address.port,
    weather: fair,
    get dropped() {
      return dropped;
    },
    cut(share, chance) {
      for (const { client } of [...links]) if (chance.chance(share)) client.destroy();
    },
    heal() {
      proxy.weather = fair;
      for (const { client, lossy } of [...links]) if (lossy) client.destroy();
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => listener.close(resolve));
      for (const { client } of [...links]) client.destroy();
      await closed;
    },
  };
  return proxy;
}

/** Cuts one direction of a connection into the HTTP head and then whole frames; `data`: it is one of the protocol. */
function frameSplitter(): (chunk: Buffer) => { bytes: Buffer; data: boolean }[] {
  let rest: Buffer = Buffer.alloc(0);
  let upgraded = false;
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const found: { bytes: Buffer; data: boolean }[] = [];
    for (;;) {
      const length = upgraded ? frameLength(rest) : headLength(rest);
      if (length === undefined || length > rest.length) return found;
      // Text or binary; a close or a ping is not a message that could be lost by itself.
      found.push({ bytes: rest.subarray(0, length), data: upgraded && ((rest[0] ?? 0) & 0x0f) <= 2 });
      rest = rest.subarray(length);
      upgraded = true;
    }
  };
}

function headLength(bytes: Buffer): number | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  return end < 0 ? undefined : end + 4;
}

/** Of the frame that begins here; undefined while its head is incomplete. */
function frameLength(bytes: Buffer): number | undefined {
  if (bytes.length < 2) return undefined;
  const second = bytes[1] ?? 0;
  const mask = (second & 0x80) === 0 ? 0 : 4;
  const short = second & 0x7f;
  if (short < 126) return 2 + mask + short;
  if (short === 126) return bytes.length < 4 ? undefined : 4 + mask + bytes.readUInt16BE(2);
  return bytes.length < 10 ? undefined : 10 + mask + Number(bytes.readBigUInt64BE(2));
}
