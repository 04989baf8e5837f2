import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Break, breakBuild, breaks } from '../server/delivery/simulation/breaks.ts';
import { crashDatabase, cutSubscribers, type Fault, loseMessages, restart, siteOf } from './faults/plan.ts';
import { type RigOptions, startRig } from './faults/rig.ts';
import { type Run, type RunOptions, runSeed } from './faults/run.ts';

/** The same mistakes that the simulation must notice, on real parts: which run notices them, and how. */
interface Scenario {
  readonly name: string;
  /** A mistake in the code, or a setting that has the same effect. */
  readonly mistake: Break | Pick<RigOptions, 'postgres' | 'session'>;
  readonly rig?: Omit<RigOptions, 'instances'>;
  readonly run: RunOptions;
  readonly shows: RegExp;
  readonly seeds: number;
}

const RARE_CHECK = { env: { POSITION_CHECK_MS: '600000' } };
/** Enough for a busy machine to be done with everything, and only a run that fails takes it. */
const REST_MS = 25_000;
const breakOf = (words: string): Break => {
  const found = breaks.find(({ name }) => name.includes(words));
  if (found === undefined) throw new Error(`no break is about ${words}`);
  return found;
};

/** The last messages of the run are not told by the bus, and nothing is written after them. */
const lastUntold = (ms: number, then: Fault['strike'] = async () => {}): Fault => ({
  atMs: 2_000 - ms,
  name: `the last ${ms} ms are not told by the bus`,
  async strike(rig) {
    await loseMessages(rig, 1, ms + 500);
    await then(rig);
  },
});

const scenarios: readonly Scenario[] = [
  {
    name: 'acknowledging before commit',
    // What is committed so is in memory only for the first moments, as it would be before a commit.
    mistake: { session: { synchronous_commit: 'off' }, postgres: { wal_writer_delay: '10s' } },
    run: { faults: [crashDatabase(900), crashDatabase(2_000)], stormMs: 2_500, restMs: REST_MS },
    shows: /ack beyond the log|was given the log|was acknowledged as|entry \d+ was|came after|stored/,
    seeds: 5,
  },
  {
    name: 'skipping the gap check',
    mistake: breakOf('gap check'),
    run: { faults: [{ atMs: 200, name: 'the bus loses a third', strike: (rig) => loseMessages(rig, 0.3, 1_500) }] },
    shows: /entry \d+ came before \d+/,
    seeds: 3,
  },
  {
    name: 'dropping the re-check after doubt',
    mistake: breakOf('re-check'),
    rig: RARE_CHECK,
    run: { faults: [lastUntold(300, cutSubscribers(0, 0).strike)], stormMs: 2_000, restMs: REST_MS },
    shows: /everybody has everything: .* holds \d+ of \d+ entries/,
    seeds: 3,
  },
  {
    name: 'having no position check when an instance is killed between commit and publish',
    mistake: breakOf('no position check'),
    run: {
      faults: [lastUntold(300, (rig) => restart(siteOf(rig, 0), 'kill', 0))],
      stormMs: 2_000,
      restMs: REST_MS,
    },
    shows: /everybody has everything: .* holds \d+ of \d+ entries/,
    seeds: 3,
  },
  {
    name: 'two batches of one conversation in flight',
    mistake: breakOf('two batches'),
    run: { faults: [], stormMs: 2_000, restMs: REST_MS, rush: true },
    shows:
      /a send was stored as \d+, the one before it as \d+|came before|came after|in the order in which it was sent/,
    seeds: 10,
  },
];

for (const scenario of scenarios) {
  const { name, mistake, rig = {}, seeds, shows } = scenario;
  test(`real parts notice ${name}`, async (t) => {
    await t.test('without the mistake nothing is wrong', async (t) => {
      const [run] = await runsOf(t, { instances: 2, ...rig }, scenario);
      assert.ok(run !== undefined && !(run instanceof Error), String(run));
    });
    await t.test('with it, a run fails', async (t) => {
      const copy = 'file' in mistake ? breakBuild(mistake) : undefined;
      if (copy !== undefined) t.after(copy.remove);
      const options: RigOptions = {
        instances: 2,
        ...rig,
        ...(!('file' in mistake) && mistake),
        main: copy && join(copy.folder, 'server/main.js'),
      };
      const runs = await runsOf(t, options, scenario);
      const failed = runs.find((run) => run instanceof Error);
      assert.ok(failed instanceof Error, `not noticed in ${seeds} seeds`);
      t.diagnostic(`run ${runs.length}: ${failed.message.slice(0, 300)}`);
      assert.match(failed.message, shows);
    });
  });
}

/** Runs until one fails. */
async function runsOf(t: TestContext, options: RigOptions, { run, seeds }: Scenario): Promise<(Run | Error)[]> {
  const rig = await startRig(t, options);
  const runs: (Run | Error)[] = [];
  for (let seed = 1; seed <= ((options.main ?? options.session) ? seeds : 1); seed++) {
    const ended = await runSeed(rig, seed, run).catch((error: Error) => error);
    runs.push(ended);
    if (ended instanceof Error) break;
  }
  return runs;
}
