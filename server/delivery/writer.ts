import type { Socket } from '../listen/transport.ts';

/**
 * Collects the frames of one connection and sends them together at the end of the current turn, so that a batch costs
 * each socket one system call. Frames leave in the order in which they were written.
 */
export class Writer {
  readonly #socket: Socket;
  readonly #flusher: Flusher;
  readonly #owner: { overflow(): void };
  #frames: string[] | undefined;
  /** True while the socket's own buffer holds bytes. */
  congested = false;

  /** `owner.overflow`: the socket's buffer overflowed and frames were lost; the connection can't go on. */
  constructor(socket: Socket, flusher: Flusher, owner: { overflow(): void }) {
    this.#socket = socket;
    this.#flusher = flusher;
    this.#owner = owner;
  }

  write(frame: string): void {
    if (this.#frames !== undefined) return void this.#frames.push(frame);
    this.#frames = [frame];
    this.#flusher.add(this);
  }

  drained(): void {
    this.congested = false;
  }

  flush(): void {
    const frames = this.#frames;
    if (frames === undefined) return;
    this.#frames = undefined;
    const [only] = frames;
    let dropped = false;
    const send = (frame: string): void => {
      const result = this.#socket.send(frame);
      if (result === 'dropped') dropped = true;
      else if (result === 'queued') this.congested = true;
    };
    if (frames.length === 1 && only !== undefined) send(only);
    else this.#socket.cork(() => frames.forEach(send));
    if (dropped) this.#owner.overflow();
  }
}

export interface Flusher {
  add(writer: Writer): void;
}

/** One flush at the end of the turn for all connections that were written to in it. */
export function createFlusher(): Flusher {
  let dirty: Writer[] = [];
  const run = (): void => {
    const writers = dirty;
    dirty = [];
    for (const writer of writers) writer.flush();
  };
  return {
    add(writer) {
      if (dirty.push(writer) === 1) queueMicrotask(run);
    },
  };
}
