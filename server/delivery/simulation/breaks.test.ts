import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Options, simulate } from './simulate.ts';
import { BrokenPromise } from './world.ts';

const MAX_SEEDS = 600;
const built = fileURLToPath(new URL('../../../', import.meta.url));

/** A deliberate mistake: in a copy of the built code, `find` (there exactly once) becomes `replace`. */
interface Break {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly shows: RegExp;
  readonly options?: Options;
}

const breaks: readonly Break[] = [
  {
    name: 'skipping the gap check',
    file: 'server/delivery/outbox.js',
    find: 'if (seq === lane.sent + 1) {\n            this.#push(lane, seq, frame);',
    replace: 'if (seq > lane.sent) {\n            this.#push(lane, seq, frame);',
    shows: /a gap/,
  },
  {
    name: 'dropping the re-check after doubt',
    file: 'server/delivery/position-check.js',
    find: 'hub.onDoubt = () => void check();',
    replace: '',
    shows: /after everything healed: \w+ holds \d+ of \d+ entries/,
  },
  {
    name: 'having no position check when an instance is killed between commit and publish',
    options: { onlyKills: true },
    file: 'server/delivery/position-check.js',
    find: 'if (clock.now() - last >= (hub.doubtful ? EVERY_MS_IN_DOUBT : EVERY_MS))\n            void check();',
    replace: '',
    shows: /after everything healed: \w+ holds \d+ of \d+ entries/,
  },
  {
    name: 'two batches of one conversation in flight',
    file: 'server/delivery/append.js',
    find: 'line.waiting.push(entry);',
    replace: '{ line.waiting.push(entry); ready.add(line); }',
    shows: /send order is not seq order|out of order|a gap|never|besides its reply/,
  },
];

for (const { name, file, find, replace, shows, options } of breaks) {
  test(`the simulation notices ${name}`, async (t) => {
    // Inside the build, so that packages are found from there.
    const folder = mkdtempSync(join(built, '.broken-'));
    t.after(() => rmSync(folder, { recursive: true }));
    for (const part of ['protocol', 'server', 'sql'])
      cpSync(join(built, part), join(folder, part), { recursive: true, filter: (from) => !from.endsWith('.test.js') });
    const source = readFileSync(join(folder, file), 'utf8');
    assert.equal(source.split(find).length, 2, `${file} no longer has what this test breaks`);
    writeFileSync(join(folder, file), source.replace(find, replace));
    const url = pathToFileURL(join(folder, 'server/delivery/simulation/simulate.js')).href;
    const broken: { simulate: typeof simulate } = await import(url);
    const [seed, message] = await firstFailure((n) => broken.simulate(n, options));
    t.diagnostic(`seed ${seed}: ${message.split('\n')[0]}`);
    assert.match(message, shows);
  });
}

test('the simulation notices acknowledging before commit', async (t) => {
  const [seed, message] = await firstFailure((n) => simulate(n, { answersEarly: true }));
  t.diagnostic(`seed ${seed}: ${message.split('\n')[0]}`);
  assert.match(message, /stored|delivered|retry was answered|refused with not_found/);
});

async function firstFailure(run: (seed: number) => Promise<unknown>): Promise<[number, string]> {
  for (let seed = 1; seed <= MAX_SEEDS; seed++) {
    try {
      await run(seed);
    } catch (error) {
      // Of the copy, which has a class of its own.
      if (error instanceof Error && error.constructor.name === BrokenPromise.name) return [seed, error.message];
      throw error;
    }
  }
  throw new assert.AssertionError({ message: `not noticed in ${MAX_SEEDS} seeds` });
}
