/**
 * `npm run bench:local-search [-- N]`: searches N (100,000) made-up messages in a file store: time to open, memory, and
 * p50, p95 and worst of each kind of query, after the first. Fails where a p95 is 50 ms or more.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openFileStore } from '../client/node/file-store.ts';
import { searchableStore } from '../client/search/search.ts';
import { keyNumber } from '../client/store.ts';
import { textTable } from './report/table.ts';

const COUNT = Number(process.argv[2] ?? 100_000);
const VOCABULARY = 30_000;
const CONVERSATIONS = 200;
const ROUNDS = 60;
const LIMIT_MS = 50;

let seed = 1;
const random = (): number => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
  return seed / 2 ** 32;
};
/** As often as words of a language are: the n-th with a weight of 1/n. */
const word = (): string => `w${Math.floor(VOCABULARY ** random()).toString(36)}`;
const uuid = (n: number): string => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

const folder = mkdtempSync(join(tmpdir(), 'sotto-search-'));
try {
  await fill();
  await measure();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function fill(): Promise<void> {
  const { store, search } = searchableStore(await openFileStore(folder), report);
  await search({ text: 'nothing' });
  const started = performance.now();
  for (let i = 0; i < COUNT; i += 100) {
    const changes = Array.from({ length: Math.min(100, COUNT - i) }, (_, k) => message(i + k));
    await store.write(changes);
  }
  await store.close();
  console.log(`${COUNT} messages written and indexed in ${seconds(started)}`);
}

function message(n: number) {
  const conversationId = uuid(Math.floor(CONVERSATIONS ** random()));
  const value = {
    conversationId,
    seq: n + 1,
    senderId: uuid(n % 2),
    senderDeviceId: uuid(9),
    clientId: uuid(n),
    sentAt: new Date(Date.UTC(2026, 0, 1) + n * 60_000).toISOString(),
    silent: false,
    hidden: false,
    content: { type: 'text', text: Array.from({ length: 3 + Math.floor(random() * 18) }, word).join(' ') },
  };
  return { key: `entry/${conversationId}/${keyNumber(n + 1)}`, value };
}

async function measure(): Promise<void> {
  const empty = memory();
  let started = performance.now();
  const file = await openFileStore(folder);
  const opened = seconds(started);
  const { store, search } = searchableStore(file, report);
  started = performance.now();
  await search({ text: 'w1' });
  const first = seconds(started);
  const kinds: Record<string, () => Parameters<typeof search>[0]> = {
    'the commonest word': () => ({ text: 'w1' }),
    'a word': () => ({ text: word() }),
    'three words': () => ({ text: `${word()} ${word()} ${word()}` }),
    'two common words': () => ({ text: 'w1 w2' }),
    'a phrase of common words': () => ({ text: '"w1 w2 w1"' }),
    'a word by a person in a conversation': () => ({ text: word(), from: uuid(1), conversationId: uuid(1) }),
    'a rare word in a month': () => ({
      text: `w${Math.floor(random() * VOCABULARY).toString(36)}`,
      after: new Date('2026-02-01'),
      before: new Date('2026-03-01'),
    }),
    'by date alone': () => ({ before: new Date('2026-02-01') }),
  };
  const rows = [];
  let worst = 0;
  for (const [kind, make] of Object.entries(kinds)) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const input = make();
      started = performance.now();
      await search(input);
      times.push(performance.now() - started);
    }
    times.sort((a, b) => a - b);
    const at = (part: number) => times[Math.min(times.length - 1, Math.floor(part * times.length))] ?? 0;
    worst = Math.max(worst, at(0.95));
    rows.push([kind, at(0.5).toFixed(2), at(0.95).toFixed(2), at(1).toFixed(2)]);
  }
  console.log(textTable(['query', 'p50 ms', 'p95 ms', 'worst ms'], rows));
  console.log(`store opened in ${opened}, index opened and first search in ${first}`);
  console.log(`memory held: ${memory() - empty} MB, all messages of the file store among it`);
  await store.close();
  if (worst >= LIMIT_MS) {
    console.error(`a p95 is ${worst.toFixed(1)} ms; it must be below ${LIMIT_MS}`);
    process.exitCode = 1;
  }
}

function report(problem: unknown): void {
  throw problem;
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(2)} s`;
}

function memory(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / 1e6);
}
