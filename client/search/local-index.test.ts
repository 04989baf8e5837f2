import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { normalise } from '../e2ee/tokeniser.ts';
import { openFileStore } from '../node/file-store.ts';
import { type ClientStore, keyNumber, memoryStore } from '../store.ts';
import { compareDocuments } from './documents.ts';
import { LocalIndex, type Searchable } from './local-index.ts';
import { phrasesOf } from './query.ts';

const kept = v.object({
  conversationId: v.string(),
  seq: v.number(),
  senderId: v.string(),
  sentAt: v.number(),
  text: v.string(),
});
const read = (value: unknown): Searchable | undefined => {
  const result = v.safeParse(kept, value);
  return result.success ? result.output : undefined;
};
const keyOf = ({ conversationId, seq }: { conversationId: string; seq: number }) =>
  `entry/${conversationId}/${keyNumber(seq)}`;
const everything = { after: Number.NEGATIVE_INFINITY, before: Number.POSITIVE_INFINITY, limit: 10_000 };
const indexIn = (store: ClientStore, problems: unknown[], sealAt = 4) =>
  new LocalIndex({ store, read, sealAt, cacheBytes: 2_000, onProblem: (problem) => problems.push(problem) });

const han = /[\u4e00-\u9fff]/;
/** The oracle's view of a text: words and Han characters, told by what they are joined to. */
function items(text: string): { text: string; run: number }[] {
  const found: { text: string; run: number }[] = [];
  for (const [run, part] of (
    normalise(text).match(/[\u4e00-\u9fff]+|[\p{L}\p{M}\p{N}]+?(?=[\u4e00-\u9fff]|[^\p{L}\p{M}\p{N}]|$)/gu) ?? []
  ).entries())
    for (const each of han.test(part) ? [...part] : [part]) found.push({ text: each, run });
  return found;
}

function contains(text: string, wanted: readonly { text: string; run: number }[]): boolean {
  const there = items(text);
  return there.some((_, from) =>
    wanted.every(({ text: each, run }, i) => {
      const joined = i > 0 && wanted[i - 1]?.run === run;
      return there[from + i]?.text === each && (!joined || there[from + i - 1]?.run === there[from + i]?.run);
    }),
  );
}

/** What a search has to find, by looking at every message. */
function naively(text: string, query: string): boolean {
  return query.split('"').every((part, i) => {
    const wanted = items(part);
    if (i % 2 === 1) return wanted.length === 0 || contains(text, wanted);
    const runs = new Set(wanted.map(({ run }) => run));
    return [...runs].every((run) =>
      contains(
        text,
        wanted.filter((each) => each.run === run),
      ),
    );
  });
}

const word = fc.constantFrom(
  'alpha',
  'Beta',
  'the',
  'to',
  'be',
  'Grüße',
  'grusse',
  'Straße',
  '東京',
  '京都',
  '東',
  '東京都',
  'don’t',
  'b2',
);
const text = fc
  .array(word, { minLength: 1, maxLength: 6 })
  .chain((words) =>
    fc
      .array(fc.constantFrom(' ', ', ', '  ', '-'), { minLength: words.length, maxLength: words.length })
      .map((gaps) => words.map((each, i) => (i === 0 ? each : (gaps[i] ?? ' ') + each)).join('')),
  );
const query = fc.oneof(
  text,
  text.map((each) => `"${each}"`),
  fc.tuple(word, text).map(([one, two]) => `${one} "${two}"`),
);
const conversationId = fc.constantFrom('c1', 'c2');
const senderId = fc.constantFrom('ada', 'bob');
const time = fc.integer({ min: 0, max: 40 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant('put' as const),
      conversationId,
      senderId,
      sentAt: time,
      seq: fc.integer({ min: 1, max: 25 }),
      text,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ is: fc.constant('drop' as const), conversationId, seq: fc.integer({ min: 1, max: 25 }) }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('open' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constant('search' as const),
      query,
      conversationId: fc.option(conversationId, { nil: undefined }),
      senderId: fc.option(senderId, { nil: undefined }),
      range: fc.option(fc.tuple(time, time), { nil: undefined }),
      limit: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

test('the index finds what looking at every message finds, page by page, through edits, deletions and restarts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const store = memoryStore();
      const problems: unknown[] = [];
      const model = new Map<string, Searchable>();
      let index = indexIn(store, problems);
      for (const each of steps) {
        if (each.is === 'open') {
          await index.settled();
          index = indexIn(store, problems);
        } else if (each.is === 'put') {
          const { is, ...value } = each;
          model.set(keyOf(value), value);
          await index.write([{ key: keyOf(value), value }]);
        } else if (each.is === 'drop') {
          model.delete(keyOf(each));
          await index.write([{ key: keyOf(each) }]);
        } else {
          const [after, before] = each.range ?? [everything.after, everything.before];
          const expected = [...model.values()]
            .filter((kept) => naively(kept.text, each.query) && kept.sentAt >= after && kept.sentAt < before)
            .filter((kept) => each.conversationId === undefined || kept.conversationId === each.conversationId)
            .filter((kept) => each.senderId === undefined || kept.senderId === each.senderId)
            .sort(compareDocuments)
            .map(keyOf);
          const wanted = {
            phrases: phrasesOf(each.query),
            after,
            before,
            limit: each.limit,
            ...(each.conversationId === undefined ? {} : { conversationId: each.conversationId }),
            ...(each.senderId === undefined ? {} : { senderId: each.senderId }),
          };
          const found: string[] = [];
          for (let page = await index.find(wanted); page.length > 0; ) {
            found.push(...page.map(keyOf));
            const past = page.at(-1);
            page = past === undefined ? [] : await index.find({ ...wanted, past });
          }
          assert.deepEqual(found, expected, `${each.query}`);
        }
      }
      await index.settled();
      assert.deepEqual(problems, []);
    }),
    { numRuns: Number(process.env.SEARCH_RUNS ?? 150) },
  );
});

test('a store without an index, or with one of another version, gets one from its entries', async () => {
  const store = memoryStore();
  const values = Array.from({ length: 50 }, (_, i) => ({
    conversationId: 'c',
    seq: i + 1,
    senderId: 'ada',
    sentAt: i,
    text: i % 2 === 0 ? 'even number' : 'odd number',
  }));
  await store.write(values.map((value) => ({ key: keyOf(value), value })));
  const problems: unknown[] = [];
  const count = async (words: string) =>
    (await indexIn(store, problems).find({ ...everything, phrases: phrasesOf(words) })).length;
  assert.equal(await count('odd'), 25);
  await store.write([{ key: 'search/index', value: { format: 1, tokeniser: 0, next: 1, segments: [] } }]);
  assert.equal(await count('"even number"'), 25);
  const [segment] = await indexKeys(store);
  await store.write([{ key: `search/documents/${segment}`, value: new Uint8Array(3) }]);
  assert.equal(await count('odd'), 25);
  assert.equal(problems.length, 1, 'a damaged segment is told of');
});

async function indexKeys(store: ClientStore): Promise<string[]> {
  const { segments } = v.parse(
    v.object({ segments: v.array(v.object({ id: v.number() })) }),
    await store.get('search/index'),
  );
  return segments.map(({ id }) => keyNumber(id));
}

test('a process killed in the middle of writing finds, in its next run, exactly what its entries say', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sotto-search-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const script = `
    const { openFileStore } = await import(${JSON.stringify(new URL('../node/file-store.js', import.meta.url).href)});
    const { LocalIndex } = await import(${JSON.stringify(new URL('./local-index.js', import.meta.url).href)});
    const { keyNumber } = await import(${JSON.stringify(new URL('../store.js', import.meta.url).href)});
    const store = await openFileStore(process.argv[1]);
    const index = new LocalIndex({ store, read: (value) => value, sealAt: 8, onProblem: (problem) => { throw problem; } });
    for (let i = Number(process.argv[2]); ; i++) {
      const put = (seq, text) => ({ key: 'entry/c/' + keyNumber(seq), value: { conversationId: 'c', seq, senderId: 'ada', sentAt: seq, text } });
      await index.write([put(i, 'number' + i + ' common')]);
      if (i % 5 === 4) await index.write([put(i - 3, 'edited' + (i - 3) + ' common'), { key: 'entry/c/' + keyNumber(i - 1) }]);
      process.stdout.write(i + '\\n');
    }`;
  let next = 1;
  for (let round = 0; round < 4; round += 1) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder, String(next)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exit = once(child, 'exit');
    let last = next;
    for await (const line of createInterface({ input: child.stdout })) {
      last = Number(line);
      if (last >= next + 60 + 13 * round) child.kill('SIGKILL');
    }
    await exit;
    const store = await openFileStore(folder);
    const problems: unknown[] = [];
    const index = indexIn(store, problems, 8);
    const there = (await store.list({ prefix: 'entry/' })).flatMap(({ value }) => read(value) ?? []);
    assert.ok(there.some(({ seq }) => seq >= last));
    const seqs = async (words: string) =>
      (await index.find({ ...everything, phrases: phrasesOf(words) })).map(({ seq }) => seq);
    assert.deepEqual(await seqs('common'), there.map(({ seq }) => seq).reverse());
    for (const { seq, text: said } of there) assert.deepEqual(await seqs(said), [seq]);
    assert.deepEqual(problems, []);
    await index.settled();
    await store.close();
    next = (there.at(-1)?.seq ?? 0) + 1;
  }
});
