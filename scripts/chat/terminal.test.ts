import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { Terminal } from './terminal.ts';

const COLUMNS = 20;
const ESC = String.fromCharCode(27);
/** What steers the terminal, and single characters. */
const parts = new RegExp(`${ESC}\\[\\d*[A-Z]|.`, 'gis');

/** What a terminal of 20 columns shows of what is written to it; as much as readline asks of one. */
class Picture extends Writable {
  readonly isTTY = true;
  readonly columns = COLUMNS;
  #rows: string[] = [''];
  #row = 0;
  #column = 0;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    for (const [part] of chunk.toString().matchAll(parts)) this.#draw(part);
    done();
  }

  get rows(): string[] {
    return this.#rows.map((row) => row.trimEnd());
  }

  #draw(part: string): void {
    const [, number = '', letter] = part.length === 1 ? [] : (/(\d*)([A-Z])$/i.exec(part) ?? []);
    if (letter === 'A') this.#row = Math.max(0, this.#row - Number(number));
    else if (letter === 'G') this.#column = Number(number) - 1;
    else if (letter === 'C') this.#column += Number(number);
    else if (letter === 'J') {
      this.#rows = this.#rows.slice(0, this.#row + 1);
      this.#rows[this.#row] = (this.#rows[this.#row] ?? '').slice(0, this.#column);
    } else if (letter === 'm') return;
    else if (letter !== undefined) throw new Error(`not drawn: ${JSON.stringify(part)}`);
    else if (part === '\r') this.#column = 0;
    else if (part === '\n') this.#down();
    else {
      if (this.#column === COLUMNS) this.#down();
      const row = (this.#rows[this.#row] ?? '').padEnd(this.#column);
      this.#rows[this.#row] = row.slice(0, this.#column) + part + row.slice(this.#column + 1);
      this.#column += 1;
    }
  }

  #down(): void {
    this.#column = 0;
    this.#row += 1;
    this.#rows[this.#row] ??= '';
  }
}

function screen() {
  const keys = Object.assign(new PassThrough(), { isTTY: true });
  const picture = new Picture();
  const terminal = new Terminal(keys, picture);
  const type = async (text: string) => {
    keys.write(text);
    // The stream hands keys on, and readline draws, before this turn is over.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { terminal, picture, type };
}

const long = 'a line that is longer than two rows of this';

test('messages that come while a long line is typed stay on the screen, and so does the line', async () => {
  const { terminal, picture, type } = screen();
  const line = terminal.line('bob> ');
  await type(long);
  const typed = ['bob> a line that is', 'longer than two rows', ' of this'];
  assert.deepEqual(picture.rows, typed);
  for (const text of ['bob: one', 'bob: two']) terminal.print(text);
  assert.deepEqual(picture.rows, ['bob: one', 'bob: two', ...typed]);
  // Home: the cursor stands in the first row, and the rest below it.
  await type('\u0001');
  terminal.print('bob: three');
  assert.deepEqual(picture.rows, ['bob: one', 'bob: two', 'bob: three', ...typed]);
  await type('\r');
  assert.equal(await line, long);
  terminal.close();
});

test('a line that was entered is taken off the screen with all its rows, and nothing besides', async () => {
  const { terminal, picture, type } = screen();
  terminal.print('bob: one');
  for (const text of ['short', long, 'fifteen letters']) {
    const line = terminal.line('bob> ');
    await type(text);
    await type('\r');
    assert.equal(await line, text);
    terminal.eraseEntered();
    assert.deepEqual(picture.rows, ['bob: one', ''], text);
  }
  const line = terminal.line('bob> ');
  await type('two\rlines\r');
  assert.equal(await line, 'two');
  terminal.eraseEntered();
  assert.equal(await terminal.line('bob> '), 'lines');
  terminal.eraseEntered();
  assert.deepEqual(picture.rows, ['bob: one', 'bob> two', 'lines', ''], 'what was typed ahead');
  terminal.close();
});
