/** `npm run bench:slow-reader`: what somebody who never reads costs the server, against somebody who does. */
import { parseArgs } from 'node:util';
import { compareSlowReader, type SlowReaderResult } from './measure/slow-reader.ts';
import { readEnvironment } from './report/environment.ts';
import { writeResult } from './report/results.ts';
import { fixed, textTable } from './report/table.ts';
import { keepAwake } from './services/awake.ts';
import { benchPostgres } from './services/postgres.ts';
import { exitOnSignals } from './services/stack.ts';
import { serverTarget } from './targets/server.ts';

const ALLOWED_EXTRA = 64 * 1024 * 1024;

exitOnSignals();
const { values } = parseArgs({ options: { messages: { type: 'string', default: '100000' } } });
const messages = Number(values.messages);
const environment = readEnvironment(keepAwake());
await using postgres = await benchPostgres();

const { normal, slow, extraBytes } = await compareSlowReader(() => serverTarget(postgres), messages);
const megabytes = (bytes: number) => fixed(bytes / 2 ** 20, 1);
const row = (name: string, result: SlowReaderResult) => [
  name,
  megabytes(result.idleRss),
  megabytes(result.peakRss),
  fixed(result.others.p50, 1),
  fixed(result.others.p99, 1),
  result.sendMs,
  result.catchUpMs,
  result.received,
  result.problems.join('; ') || 'none',
];
const head = [
  'reader',
  'idle MB',
  'peak MB',
  'others p50 ms',
  'p99 ms',
  'sent in ms',
  'caught up in ms',
  'received',
  'problems',
];
console.log(textTable(head, [row('reads', normal), row('never reads', slow)]));
const passed = extraBytes <= ALLOWED_EXTRA && normal.problems.length === 0 && slow.problems.length === 0;
console.log(
  `\n${megabytes(extraBytes)} MB more at the peak; ${megabytes(ALLOWED_EXTRA)} MB are allowed: ${passed ? 'passed' : 'FAILED'}`,
);
console.log(
  `written to ${writeResult('slow-reader', { kind: 'slow-reader', environment, messages, normal, slow, extraBytes, passed })}`,
);
process.exitCode = passed ? 0 : 1;
