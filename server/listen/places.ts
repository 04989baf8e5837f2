import { networkOf } from './address.ts';

/** Room for those of whom nobody knows yet who they are: bounded in all, and from one network, so that nobody alone takes it. */
export class Places {
  readonly #total: number;
  readonly #perNetwork: number;
  readonly #taken = new Map<string, number>();
  #size = 0;

  constructor(total: number, perNetwork: number) {
    this.#total = total;
    this.#perNetwork = perNetwork;
  }

  hasRoom(address: string): boolean {
    return this.#size < this.#total && (this.#taken.get(networkOf(address)) ?? 0) < this.#perNetwork;
  }

  /** Whoever takes a place gives it back, once, under the same address. */
  take(address: string): void {
    const network = networkOf(address);
    this.#size++;
    this.#taken.set(network, (this.#taken.get(network) ?? 0) + 1);
  }

  giveBack(address: string): void {
    const network = networkOf(address);
    const left = (this.#taken.get(network) ?? 1) - 1;
    this.#size--;
    if (left > 0) this.#taken.set(network, left);
    else this.#taken.delete(network);
  }

  get size(): number {
    return this.#size;
  }
}
