/** `npm run bench:report`: writes the tables of `bench/README.md` anew from the files in `bench/results/`. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';
import type { GrowthPoint } from './growth/cost.ts';
import { busRow, busTableHead, busVerdict } from './report/bus.ts';
import type { Environment } from './report/environment.ts';
import { GROWTH_TITLES, growthChart, growthTable, growthText } from './report/growth.ts';
import { mustHead, mustRow } from './report/must.ts';
import { readResult, type ThroughputResult } from './report/results.ts';
import { sdkHead, sdkRow } from './report/sdk.ts';
import { searchResult, searchSection } from './report/search.ts';
import { barChart } from './report/svg.ts';
import { type Cell, fixed, markdownTable, thousands } from './report/table.ts';
import { messagesOf, objections, rateHead, rateRow, ratioHead, ratioRow, ratios } from './report/throughput.ts';

const readme = new URL('../../bench/README.md', import.meta.url);
const results = new URL('../../bench/results/', import.meta.url);
const BEGIN = '<!-- results: written by npm run bench:report -->';
const END = '<!-- end of results -->';

const anyResult = v.looseObject({
  kind: v.picklist(['throughput', 'k6', 'slow-reader', 'resume', 'bus', 'growth', 'must', 'sdk', 'search']),
});
const number = v.number();
const metric = v.record(v.string(), v.unknown());
const k6Result = v.object({
  scenario: v.string(),
  passed: v.boolean(),
  users: number,
  seconds: number,
  everyMs: number,
  metrics: v.record(v.string(), metric),
  live: v.optional(v.object({ slope: number, error: number, bytes: v.array(number) })),
  server: v.looseObject({
    firstRss: number,
    peakRss: number,
    rssPerHour: number,
    rssPerHourError: v.optional(number),
    descriptorsPerHour: v.optional(number),
    descriptorsPerHourError: v.optional(number),
    peakDescriptors: v.optional(number),
    bytesPerConnection: v.optional(number),
  }),
  cpuSeconds: v.record(v.string(), number),
  stolen: v.optional(number),
  environment: v.custom<Environment>(() => true),
});
const reader = v.object({
  idleRss: number,
  peakRss: number,
  others: v.object({ p50: number, p99: number }),
  sendMs: number,
  catchUpMs: number,
  received: number,
  problems: v.array(v.string()),
});
const slowReaderResult = v.object({
  messages: number,
  normal: reader,
  slow: reader,
  extraBytes: number,
  passed: v.boolean(),
  environment: v.custom<Environment>(() => true),
});

const sdkResult = v.object({
  must: number,
  messages: number,
  conversations: number,
  rows: v.array(v.object({ what: v.string(), perSecond: number, cpuPer1000: number })),
  passed: v.boolean(),
  environment: v.custom<Environment>(() => true),
});

const resumeResult = v.object({
  sockets: number,
  backlog: number,
  bytesPerConnection: number,
  openedMs: number,
  syncedMs: v.object({ half: number, p95: number, all: number }),
  completeMs: number,
  attempts: number,
  cpuSeconds: v.record(v.string(), number),
  problems: v.array(v.string()),
  passed: v.boolean(),
  environment: v.custom<Environment>(() => true),
});

const summary = v.object({ count: number, p50: number, p95: number, p99: number, max: number });
const byWay = <T extends v.GenericSchema>(of: T) => v.object({ alone: of, same: of, across: of });
const busResult = v.object({
  users: number,
  rounds: number,
  roundMs: number,
  allowedMs: number,
  latency: byWay(summary),
  p95ByRound: byWay(v.array(number)),
  added: v.object({ toAlone: number, toSame: number }),
  cpuPer1000: v.object({ alone: v.record(v.string(), number), two: v.record(v.string(), number) }),
  problems: v.array(v.string()),
  passed: v.boolean(),
  environment: v.custom<Environment>(() => true),
});

const growthResult = v.object({
  part: v.picklist(['stored', 'instances', 'connections', 'sizes']),
  plan: v.record(v.string(), v.unknown()),
  points: v.custom<readonly GrowthPoint[]>(Array.isArray),
  environment: v.custom<Environment>(() => true),
});
const mustResult = v.object({
  rows: v.array(
    v.object({
      what: v.string(),
      must: v.string(),
      hope: v.string(),
      figure: v.string(),
      verdict: v.picklist(['hope reached', 'must reached', 'missed', 'no result']),
      objections: v.array(v.string()),
      before: v.optional(v.array(v.string())),
      at: v.string(),
      commit: v.string(),
    }),
  ),
  environment: v.custom<Environment>(() => true),
});

const names = readdirSync(results)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -5))
  .sort();
// The table of all targets stands first.
names.sort((a, b) => Number(b === 'must') - Number(a === 'must'));
const sections = names.map((name) => section(name, readResult(name)));
const text = readFileSync(readme, 'utf8');
const [before = '', rest = ''] = text.split(BEGIN);
const after = rest.split(END)[1] ?? '\n';
writeFileSync(readme, `${before}${BEGIN}\n\n${sections.join('\n\n')}\n\n${END}${after}`);
console.log(`bench/README.md: ${names.join(', ') || 'no results yet'}`);

function section(name: string, result: unknown): string {
  const { kind } = v.parse(anyResult, result);
  if (kind === 'throughput') return throughput(name, result as ThroughputResult);
  if (kind === 'must') return must(v.parse(mustResult, result));
  if (kind === 'growth') return growth(name, v.parse(growthResult, result));
  if (kind === 'bus') return bus(v.parse(busResult, result));
  if (kind === 'sdk') return sdk(v.parse(sdkResult, result));
  if (kind === 'resume') return resume(v.parse(resumeResult, result));
  if (kind === 'search') {
    const parsed = v.parse(searchResult, result);
    return searchSection(parsed, where(parsed.environment));
  }
  return kind === 'k6' ? k6(v.parse(k6Result, result)) : slowReader(v.parse(slowReaderResult, result));
}

function must({ rows, environment }: v.InferOutput<typeof mustResult>): string {
  const text = markdownTable(mustHead, rows.map(mustRow));
  return ['### The targets', where(environment), text].join('\n\n');
}

function growth(name: string, { part, points, plan, environment }: v.InferOutput<typeof growthResult>): string {
  const { head, rows } = growthTable(part, points);
  const file = `${name}.svg`;
  writeFileSync(new URL(file, results), barChart(growthChart(part, points)));
  return [
    `### How cost grows: ${GROWTH_TITLES[part]}`,
    where(environment),
    growthText(part, plan),
    `![${GROWTH_TITLES[part]}](results/${file})`,
    markdownTable(head, rows),
  ].join('\n\n');
}

function throughput(name: string, result: ThroughputResult): string {
  const { plan, postgres } = result;
  const wrong = objections(result);
  return [
    `### Durable sends (${name})`,
    where(result.environment),
    `${plan.connections} connections, ${plan.depth} in flight each, ${messagesOf(result)}; ${plan.measureMs / 1000} s measured ` +
      `after ${plan.warmUpMs / 1000} s, in turn. PostgreSQL ${postgres.server_version}, fsync ${postgres.fsync}, ` +
      `synchronous_commit ${postgres.synchronous_commit}, full_page_writes ${postgres.full_page_writes}. Medians; latencies in ms.`,
    markdownTable(rateHead, result.targets.map(rateRow)),
    markdownTable(
      ratioHead,
      ratios(result).map((ratio) => ratioRow(result, ratio)),
    ),
    ...(wrong.length > 0 ? [wrong.map((line) => `- ${line}`).join('\n')] : []),
  ].join('\n\n');
}

function k6(result: v.InferOutput<typeof k6Result>): string {
  const rows: Cell[][] = [];
  for (const [name, values] of Object.entries(result.metrics)) {
    const of = (key: string) => (typeof values[key] === 'number' ? fixed(values[key], 1) : '');
    if (/_ms(\{.*\})?$/.test(name)) rows.push([name, of('med'), of('p(95)'), of('p(99)'), of('max')]);
  }
  const count = (name: string) => thousands(Number(result.metrics[name]?.count ?? 0));
  const { server, cpuSeconds, stolen } = result;
  return [
    `### k6 ${result.scenario}, ${thousands(result.users)} users${result.environment.awake === false ? ', idle cores free to sleep' : ''}: thresholds ${result.passed ? 'passed' : 'crossed'}`,
    where(result.environment),
    `One message in ${result.everyMs / 1000} s each, ${result.seconds} s. ${count('messages_sent')} messages sent, ${count('messages_received')} received, ` +
      `${count('connections_opened')} connections, ${count('faults')} faults. Server: ${megabytes(server.firstRss)} MB before, ${megabytes(server.peakRss)} MB at the peak` +
      `${server.bytesPerConnection === undefined ? '' : `, ${thousands(server.bytesPerConnection)} bytes a connection`}; ` +
      `CPU ${Object.entries(cpuSeconds)
        .map(([name, seconds]) => `${name} ${fixed(seconds, 1)} s`)
        .join(
          ', ',
        )}.${stolen === undefined ? '' : ` A hypervisor took ${fixed(stolen * 100, 1)} % of the cores meanwhile.`}`,
    ...(result.scenario === 'soak' ? [slopes(result)] : []),
    ...(rows.length > 0 ? [markdownTable(['ms', 'median', 'p95', 'p99', 'max'], rows)] : []),
  ].join('\n\n');
}

function slopes({ server, live }: v.InferOutput<typeof k6Result>): string {
  const { rssPerHour, rssPerHourError = 0, descriptorsPerHour = 0, descriptorsPerHourError = 0 } = server;
  const kept =
    live === undefined
      ? ''
      : `what is in use after a collection grew by ${megabytes(live.slope)} ± ${megabytes(live.error)} MB an hour ` +
        `(${live.bytes.map(megabytes).join(', ')} MB), `;
  return (
    `Over the second half ${kept}resident memory by ${megabytes(rssPerHour)} ± ${megabytes(rssPerHourError)} MB an hour, descriptors by ` +
    `${fixed(descriptorsPerHour, 1)} ± ${fixed(descriptorsPerHourError, 1)} an hour, at most ${server.peakDescriptors} of them.`
  );
}

function resume(result: v.InferOutput<typeof resumeResult>): string {
  const { sockets, syncedMs, cpuSeconds } = result;
  const seconds = (ms: number): string => `${fixed(ms / 1000, 1)} s`;
  return [
    `### An instance killed under ${thousands(sockets)} sockets: ${result.passed ? 'passed' : 'failed'}`,
    where(result.environment),
    `In sync on the other instance: half after ${seconds(syncedMs.half)}, 95 % after ${seconds(syncedMs.p95)}, all after ${seconds(syncedMs.all)}; ` +
      `everything held and answered after ${seconds(result.completeMs)}. ${thousands(result.attempts)} attempts to connect; ${result.backlog} messages of each ` +
      `device waited. ${thousands(result.bytesPerConnection)} bytes for an idle connection with a conversation. Lost, doubled or out of order: ` +
      `${result.problems.join('; ') || 'nothing'}. CPU ${Object.entries(cpuSeconds)
        .map(([name, used]) => `${name} ${fixed(used, 1)} s`)
        .join(', ')}.`,
  ].join('\n\n');
}

function bus(result: v.InferOutput<typeof busResult>): string {
  const { users, rounds, roundMs, allowedMs, problems } = result;
  return [
    `### Across two instances: ${result.passed ? 'passed' : 'failed'}`,
    where(result.environment),
    `${users} users, one message a second each, open loop; ${rounds} rounds of ${roundMs / 1000} s, ${allowedMs} ms are allowed. ` +
      `In short: ${busVerdict(result)} Lost, doubled or out of order: ${problems.join('; ') || 'nothing'}.`,
    markdownTable(
      busTableHead,
      (['alone', 'same', 'across'] as const).map((way) => busRow(way, result)),
    ),
  ].join('\n\n');
}

function sdk({ must, messages, conversations, rows, passed, environment }: v.InferOutput<typeof sdkResult>): string {
  return [
    `### The SDK encrypts and decrypts: ${passed ? 'passed' : 'missed'}`,
    where(environment),
    `${thousands(messages)} messages each, ${thousands(conversations)} conversations at a time where nothing else is said; the first four must reach ${must} per second.`,
    markdownTable(sdkHead, rows.map(sdkRow)),
  ].join('\n\n');
}

function slowReader({
  messages,
  normal,
  slow,
  extraBytes,
  passed,
  environment,
}: v.InferOutput<typeof slowReaderResult>): string {
  const row = (name: string, r: v.InferOutput<typeof reader>): Cell[] => [
    name,
    megabytes(r.idleRss),
    megabytes(r.peakRss),
    fixed(r.others.p50, 1),
    fixed(r.others.p99, 1),
    thousands(r.received),
    r.problems.join('; ') || 'none',
  ];
  return [
    `### A reader who never reads: ${passed ? 'passed' : 'failed'}`,
    where(environment),
    `${thousands(messages)} messages to one device; ${megabytes(extraBytes)} MB more at the peak, 64 MB are allowed.`,
    markdownTable(
      ['reader', 'idle MB', 'peak MB', 'others p50 ms', 'others p99 ms', 'received', 'problems'],
      [row('reads', normal), row('never reads', slow)],
    ),
  ].join('\n\n');
}

function where(env: Environment): string {
  const machine = `${env.cpu}, ${env.cores} cores, ${env.memoryGb} GB, Node ${env.node}`;
  const when = `${env.at.slice(0, 16).replace('T', ' ')} UTC, commit ${env.commit}, \`${env.command}\``;
  return `${when}; ${machine}, uWebSockets.js ${env.packages['uWebSockets.js']}; load ${env.load} before${env.awake === undefined ? '' : `, idle cores ${env.awake ? 'kept awake' : 'free to sleep'}`}.`;
}

function megabytes(bytes: number): string {
  return fixed(bytes / 2 ** 20, 1);
}
