/** `npm run bench:must`: runs every measurement that has a target, one after the other, and prints what was reached. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Aim, aims, judge, type Measurement, measurements, type Outcome, resultOf } from './must/aims.ts';
import { readEnvironment } from './report/environment.ts';
import { mustHead, mustRow } from './report/must.ts';
import { writeResult } from './report/results.ts';
import { textTable } from './report/table.ts';
import { keepAwake } from './services/awake.ts';
import { exitOnSignals } from './services/stack.ts';

const NAMES = Object.keys(measurements) as Measurement[];
/** Of one measurement, while nothing is missing but rounds that agree. What a try reached has no part in that. */
const TRIES = 3;
const USAGE = `npm run bench:must -- [--only ${NAMES.join(' | ')}]... [--read]
  --only   runs these alone; of the others the results at hand are judged
  --read   runs nothing and judges the results at hand`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    read: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  const only = values.only ?? NAMES;
  if (values.help || only.some((name) => !(name in measurements))) {
    console.error(USAGE);
    return 2;
  }
  const environment = readEnvironment(keepAwake());
  const tried = new Map<Aim, Outcome[]>();
  for (const name of values.read ? [] : NAMES.filter((each) => only.includes(each))) await measure(name, tried);
  const rows = aims.map((aim) => {
    const { what, must, hope } = aim;
    return { what, must, hope, ...resultOf(tried.get(aim) ?? [judge(aim)]) };
  });
  console.log(`\n${textTable(mustHead, rows.map(mustRow))}`);
  if (!values.read) console.log(`written to ${writeResult('must', { kind: 'must', environment, rows })}`);
  return rows.every(({ verdict }) => verdict === 'must reached' || verdict === 'hope reached') ? 0 : 1;
}

/** Measures until the rounds of each ratio agreed once, three times at most. */
async function measure(name: Measurement, tried: Map<Aim, Outcome[]>): Promise<void> {
  const { script, program, args } = measurements[name];
  const own = aims.filter(({ by }) => by === name);
  for (let left = TRIES; left > 0; left--) {
    console.error(`\n${name}: npm run ${script} -- ${args.join(' ')}`);
    await run(program, script, args);
    for (const aim of own) tried.set(aim, [...(tried.get(aim) ?? []), judge(aim)]);
    const open = own.filter((aim) => tried.get(aim)?.every(({ unquiet }) => unquiet));
    if (open.length === 0) return;
    for (const { what } of open) console.error(`\nno result yet, rounds too far apart: ${what}`);
  }
}

/** A measurement that fails leaves its reason on the screen and its result in the table. */
function run(program: string, script: string, args: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(program, import.meta.url)), ...args], {
    // So that its result names the command that repeats it.
    env: { ...process.env, npm_lifecycle_event: script },
    stdio: ['ignore', 2, 2],
  });
  const end = () => child.kill();
  process.once('exit', end);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      process.off('exit', end);
      resolve();
    });
  });
}

exitOnSignals();
process.exitCode = await main();
