import { test } from 'node:test';
import { simulate } from './simulate.ts';

const given = process.env.SEED;

/** `SEED=n npm test -- simulation` runs that one again. */
const seeds = given === undefined ? Array.from({ length: 150 }, (_, i) => i + 1) : [Number(given)];

test(`${seeds.length} simulated runs keep every promise`, async () => {
  for (const seed of seeds) await simulate(seed);
});
