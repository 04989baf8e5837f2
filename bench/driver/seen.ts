const RING = 8192;

/** Rising numbers of which each must come exactly once, in any order within a window. */
export class Seen {
  /** The lowest number that has not come. */
  next: number;
  readonly #what: string;
  readonly #came = new Uint8Array(RING);

  constructor(first: number, what: string) {
    this.next = first;
    this.#what = what;
  }

  take(number: number): void {
    if (number < this.next || this.#came[number % RING] === 1) throw new Error(`${this.#what} ${number} came twice`);
    if (number - this.next >= RING) throw new Error(`${this.#what} ${number} while ${this.next} is missing`);
    this.#came[number % RING] = 1;
    while (this.#came[this.next % RING] === 1) {
      this.#came[this.next % RING] = 0;
      this.next++;
    }
  }
}
