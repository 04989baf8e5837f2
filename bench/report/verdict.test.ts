import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DriveResult } from '../driver/drive.ts';
import { costRatio } from '../growth/cost.ts';
import { lineThrough } from '../measure/watch.ts';
import { spread, type ThroughputResult } from './results.ts';
import { barChart } from './svg.ts';
import { throughputText } from './throughput.ts';

const latency = { count: 1, p50: 1, p95: 1, p99: 1, p999: 1, max: 1 };

const run = (perSecond: number, more: Partial<DriveResult> = {}): DriveResult => ({
  messages: perSecond,
  perSecond,
  reply: latency,
  event: latency,
  cpuPer1000: { server: 0.04, postgres: 0.04, driver: 0.01 },
  countedPer1000: {},
  driverCores: 0.2,
  busiestDriverCore: 0.1,
  sent: perSecond,
  problems: [],
  ...more,
});

const textOf = (server: readonly DriveResult[], relay: readonly DriveResult[]): string => {
  const result: ThroughputResult = {
    kind: 'throughput',
    environment: {
      at: '2026-01-01T00:00:00.000Z',
      commit: 'c',
      command: 'npm run bench',
      cpu: 'cpu',
      cores: 2,
      memoryGb: 1,
      kernel: 'k',
      node: 'v20',
      packages: {},
      load: 0,
    },
    postgres: {},
    plan: {
      connections: 2,
      depth: 1,
      messageBytes: 256,
      warmUpMs: 0,
      measureMs: 1,
      driverProcesses: 1,
      ackEvery: 1,
      ackMs: 1,
    },
    targets: [
      { name: 'server', runs: server },
      { name: 'bare relay', runs: relay },
    ],
  };
  return throughputText(result);
};

test('a ratio stands where rates drift together, and is no result where its rounds lie apart', () => {
  const drifting = [1000, 1400, 1800];
  const together = textOf(
    drifting.map((rate) => run(rate)),
    drifting.map((rate) => run(2 * rate)),
  );
  assert.match(together, /hope reached/);
  assert.doesNotMatch(together, /no result/);
  assert.match(together, /! server: rates more than 15 % apart/);
  const apart = textOf(
    drifting.map((rate) => run(rate)),
    drifting.map(() => run(2000)),
  );
  assert.match(apart, /no result \(hope reached\)/);
});

test('a driver process above 60 % of a core and an event that was wrong make no result', () => {
  const runs = [run(1000), run(1000), run(1000)];
  const busy = textOf([...runs.slice(1), run(1000, { busiestDriverCore: 0.61 })], runs);
  assert.match(busy, /no result \(hope reached\)/);
  assert.match(busy, /! no result: server: a driver process used more than 60 % of a core/);
  assert.match(
    textOf(runs, [...runs.slice(1), run(1000, { problems: ['other bytes'] })]),
    /no result: bare relay: other/,
  );
});

test('of five rounds the best and the worst are left out of the spread', () => {
  assert.equal(spread([100, 110]), 10 / 105);
  assert.equal(spread([50, 100, 100, 104, 200]), 0.04);
});

test('the cost against what ran beside it is taken round by round, without the driver', () => {
  const at = (server: number) => run(1, { cpuPer1000: { server, postgres: server, driver: 9 } });
  const ratio = costRatio({ label: '', facts: {}, runs: [at(2), at(6), at(9)], beside: [at(1), at(2), at(9)] });
  assert.equal(ratio?.ratio, 2);
});

test('a slope comes with its standard error', () => {
  const exact = lineThrough([
    [0, 1],
    [1, 3],
    [2, 5],
  ]);
  assert.deepEqual(exact, { slope: 2, error: 0 });
  const { slope, error } = lineThrough([
    [0, 0],
    [1, 1],
    [2, 0],
    [3, 1],
  ]);
  assert.ok(Math.abs(slope - 0.2) < 1e-9 && Math.abs(error - Math.sqrt(0.08)) < 1e-9, `${slope} ${error}`);
});

test('a chart says in text what its bars are, and escapes it', () => {
  const svg = barChart({
    title: 'a < b',
    y: 'ms',
    x: 'n',
    layers: ['one'],
    groups: [{ label: '1', bars: [{ label: '', values: [3], pale: false }] }],
  });
  assert.match(svg, /a &lt; b/);
  assert.match(svg, /prefers-color-scheme:dark/);
  assert.equal(svg.match(/<rect/g)?.length, 2);
});
