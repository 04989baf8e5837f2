import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { breakBuild, breaks } from './breaks.ts';
import { simulate } from './simulate.ts';
import { BrokenPromise } from './world.ts';

const MAX_SEEDS = 600;

for (const broken of breaks) {
  const { name, shows, options } = broken;
  test(`the simulation notices ${name}`, async (t) => {
    const { folder, remove } = breakBuild(broken);
    t.after(remove);
    const url = pathToFileURL(join(folder, 'server/delivery/simulation/simulate.js')).href;
    const copy: { simulate: typeof simulate } = await import(url);
    const [seed, message] = await firstFailure((n) => copy.simulate(n, options));
    t.diagnostic(`seed ${seed}: ${message.split('\n')[0]}`);
    assert.match(message, shows);
  });
}

test('the simulation notices acknowledging before commit', async (t) => {
  const [seed, message] = await firstFailure((n) => simulate(n, { answersEarly: true }));
  t.diagnostic(`seed ${seed}: ${message.split('\n')[0]}`);
  assert.match(message, /stored|delivered|retry was answered|refused with not_found|ack beyond the log|sync\.done at/);
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
