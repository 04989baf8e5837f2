import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import type { Readable } from 'node:stream';
import { Writable } from 'node:stream';

type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
type Input = Readable & { readonly isTTY?: boolean };

/** Lets nothing through while a password is typed. */
class Screen extends Writable {
  muted = false;
  readonly #output: Output;

  constructor(output: Output) {
    super();
    this.#output = output;
  }

  get columns(): number {
    return this.#output.columns ?? 80;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (!this.muted) this.#output.write(chunk);
    done();
  }
}

/** Lines in, lines out: with an editable prompt on a terminal, plainly through a pipe. */
export class Terminal {
  readonly interactive: boolean;
  readonly #output: Output;
  readonly #screen: Screen;
  readonly #lines: Interface;
  readonly #waiting: ((line: string | undefined) => void)[] = [];
  readonly #typed: string[] = [];
  #ended = false;
  #prompting = false;
  /** How many rows of the screen the line just entered takes; 0: it is not the last thing there. */
  #entered = 0;
  #onKey: (text: string) => void = () => undefined;

  constructor(input: Input, output: Output) {
    this.interactive = input.isTTY === true && output.isTTY === true;
    this.#output = output;
    this.#screen = new Screen(output);
    this.#lines = createInterface({ input, output: this.#screen, terminal: this.interactive, historySize: 100 });
    this.#lines.on('line', (line) => this.#take(line));
    this.#lines.on('close', () => this.#end());
    if (this.interactive) input.on('keypress', () => this.#onKey(this.#lines.line));
  }

  /** Called with what stands on the line after each key. */
  onKey(listener: (text: string) => void): void {
    this.#onKey = listener;
  }

  /** The next line; undefined when there will be none. */
  line(prompt: string): Promise<string | undefined> {
    const typed = this.#typed.shift();
    if (typed !== undefined) return Promise.resolve(typed);
    if (this.#ended) return Promise.resolve(undefined);
    this.setPrompt(prompt);
    this.#prompting = true;
    if (this.interactive) this.#lines.prompt();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** A question and its answer. A hidden answer is not shown while it is typed. */
  async ask(question: string, { hidden = false } = {}): Promise<string | undefined> {
    if (!this.interactive) this.print(question);
    const answer = this.line(`${question} `);
    this.#screen.muted = hidden;
    const line = await answer;
    this.#screen.muted = false;
    if (hidden && this.interactive) this.#output.write('\n');
    return line?.trim();
  }

  setPrompt(prompt: string): void {
    this.#lines.setPrompt(prompt);
  }

  /** Writes above the line that is being typed. */
  print(text: string): void {
    if (!this.interactive || !this.#prompting) {
      this.#output.write(`${text}\n`);
      return;
    }
    // A long line takes several rows. The cursor is in the last of those before it, and that is where it is drawn anew;
    // readline's own count leaves out what was pasted, and would take other rows with it.
    this.#up(this.#screen.muted ? 0 : this.#lines.getCursorPos().rows);
    Object.assign(this.#lines, { prevRows: 0 });
    this.#output.write(`${text}\n`);
    this.#lines.prompt(true);
  }

  /** Less important: where colours are possible it is grey. */
  note(text: string): void {
    this.print(this.interactive ? `\u001b[2m${text}\u001b[0m` : text);
  }

  /** Takes the line just entered off the screen, because it is shown again in another way. */
  eraseEntered(): void {
    // Whatever has been typed since stands below it, and would go instead.
    if (this.interactive && this.#entered > 0 && this.#lines.line === '') this.#up(this.#entered);
    this.#entered = 0;
  }

  close(): void {
    this.#prompting = false;
    this.#lines.close();
  }

  /** Goes up so many rows and clears the screen from there. */
  #up(rows: number): void {
    moveCursor(this.#output, 0, -rows);
    cursorTo(this.#output, 0);
    clearScreenDown(this.#output);
  }

  /** Of the prompt with this line behind it: readline measures only what it holds itself. */
  #rowsOf(line: string): number {
    const prompt = this.#lines.getPrompt();
    this.#lines.setPrompt(prompt + line);
    const { rows } = this.#lines.getCursorPos();
    this.#lines.setPrompt(prompt);
    return rows + 1;
  }

  #take(line: string): void {
    this.#prompting = false;
    const next = this.#waiting.shift();
    this.#entered = next === undefined ? 0 : this.#rowsOf(line);
    if (next === undefined) this.#typed.push(line);
    else next(line);
  }

  #end(): void {
    this.#ended = true;
    for (const waiting of this.#waiting.splice(0)) waiting(undefined);
  }
}
