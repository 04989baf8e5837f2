import type { SendResult, Socket, SocketHandler } from '../../listen/transport.ts';
import type { World } from './world.ts';

/** Above this many unread characters the socket says `queued`; above the second, frames are lost. */
const QUEUED_ABOVE = 4_000;
const DROPPED_ABOVE = 200_000;

export interface WireClient {
  frame(text: string): void;
  closed(code: number, reason: string): void;
}

/**
 * One socket: frames arrive late but in order, until it is cut. A client may stop reading; what it doesn't read piles up.
 */
export class Wire implements Socket {
  readonly remoteAddress = '10.0.0.1';
  readonly #world: World;
  readonly #client: WireClient;
  #handler: SocketHandler | undefined;
  #serverOpen = true;
  #clientOpen = true;
  /** The arrival of the frame before, each way: none overtakes another. */
  #down = 0;
  #up = 0;
  #unread: string[] = [];
  #reading = true;
  #buffered = 0;
  #full = false;

  constructor(world: World, client: WireClient) {
    this.#world = world;
    this.#client = client;
  }

  connect(handler: SocketHandler): void {
    this.#handler = handler;
  }

  send(frame: string): SendResult {
    if (!this.#serverOpen) return 'dropped';
    if (this.#buffered > DROPPED_ABOVE) {
      this.#full = true;
      return 'dropped';
    }
    this.#buffered += frame.length;
    this.#downstream(() => {
      this.#unread.push(frame);
      this.#read();
    });
    if (this.#buffered <= QUEUED_ABOVE) return 'sent';
    this.#full = true;
    return 'queued';
  }

  cork(write: () => void): void {
    write();
  }

  end(code: number, reason: string): void {
    if (!this.#serverOpen) return;
    this.#serverOpen = false;
    this.#downstream(() => this.#closeClient(code, reason));
    this.#handler?.close(code);
  }

  /** From the client. */
  say(text: string): void {
    if (!this.#clientOpen) return;
    const { time, random } = this.#world;
    this.#up = Math.max(this.#up, time.now + random.delay(3, 150));
    time.after(this.#up - time.now, () => {
      if (this.#serverOpen) this.#handler?.message(text, text.length);
    });
  }

  /** What is on its way is lost; each side notices by itself. */
  cut(): void {
    const { time, random } = this.#world;
    this.#clientOpen = false;
    this.#client.closed(1006, 'cut');
    time.after(random.delay(5, 4_000), () => this.#lose());
  }

  /** The instance at the other end died. */
  killed(): void {
    this.#serverOpen = false;
    this.#world.time.after(this.#world.random.delay(5, 300), () => this.#closeClient(1006, 'killed'));
  }

  set reading(reading: boolean) {
    this.#reading = reading;
    this.#read();
  }

  #lose(): void {
    if (!this.#serverOpen) return;
    this.#serverOpen = false;
    this.#handler?.close(1006);
  }

  #downstream(arrive: () => void): void {
    const { time, random } = this.#world;
    this.#down = Math.max(this.#down, time.now + random.delay(3, 150));
    time.after(this.#down - time.now, arrive);
  }

  #read(): void {
    while (this.#reading && this.#clientOpen) {
      const frame = this.#unread.shift();
      if (frame === undefined) break;
      this.#buffered -= frame.length;
      this.#client.frame(frame);
    }
    if (!this.#full || this.#buffered > 0 || !this.#serverOpen) return;
    this.#full = false;
    this.#handler?.drain();
  }

  #closeClient(code: number, reason: string): void {
    if (!this.#clientOpen) return;
    this.#clientOpen = false;
    this.#client.closed(code, reason);
  }
}
