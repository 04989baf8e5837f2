import type { OpenSocket, SocketEvents } from '../socket.ts';

/** The server's side of a simulated socket. */
export interface ServerEnd {
  text(frame: string): void;
  closed(): void;
}

export type Accept = (send: (frame: string) => void, close: (code: number, reason: string) => void) => ServerEnd;

/** Sockets whose frames lie still until the test moves them. */
export class SimNetwork {
  /** Set to false: new sockets fail to open. */
  up = true;
  readonly links = new Set<SimLink>();
  accept: Accept;

  constructor(accept: Accept) {
    this.accept = accept;
  }

  openSocket: OpenSocket = (_url, events) => {
    const link = new SimLink(this, events);
    this.links.add(link);
    return {
      send: (frame) => link.toServer.push(frame),
      close: () => link.break(1000),
    };
  };

  /** Moves one thing that lies still, chosen by `pick`. False when there is none. */
  step(pick: (choices: number) => number): boolean {
    const moves = [...this.links].flatMap((link) => link.moves());
    moves[pick(moves.length)]?.();
    return moves.length > 0;
  }

  breakAll(code = 1006): void {
    for (const link of [...this.links]) link.break(code);
  }
}

export class SimLink {
  readonly toServer: string[] = [];
  readonly toClient: (string | { code: number; reason: string })[] = [];
  readonly #network: SimNetwork;
  readonly #events: SocketEvents;
  #server: ServerEnd | undefined;

  constructor(network: SimNetwork, events: SocketEvents) {
    this.#network = network;
    this.#events = events;
  }

  /** What could happen next: opening, or the first frame of either direction. */
  moves(): (() => void)[] {
    if (this.#server === undefined) return [() => this.#open()];
    const moves: (() => void)[] = [];
    if (this.toServer.length > 0) moves.push(() => this.#server?.text(this.toServer.shift() ?? ''));
    if (this.toClient.length > 0) moves.push(() => this.#deliver());
    return moves;
  }

  /** Whatever was under way is lost. */
  break(code: number, reason = ''): void {
    if (!this.#network.links.delete(this)) return;
    this.#server?.closed();
    this.#events.close(code, reason);
  }

  #open(): void {
    if (!this.#network.up) return this.break(1006);
    this.#server = this.#network.accept(
      (frame) => this.toClient.push(frame),
      (code, reason) => this.toClient.push({ code, reason }),
    );
    this.#events.open();
  }

  #deliver(): void {
    const next = this.toClient.shift();
    if (typeof next === 'string') this.#events.text(next);
    else if (next !== undefined) this.break(next.code, next.reason);
  }
}
