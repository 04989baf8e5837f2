/**
 * `npm run bench:sdk`: how many messages the SDK encrypts and decrypts in one second in Node: the encryption alone, with
 * everything kept in a file store, and as a client of a real server.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openFileStore } from '../client/node/file-store.ts';
import { timed } from './measure/timed.ts';
import { readEnvironment } from './report/environment.ts';
import { writeResult } from './report/results.ts';
import { type SdkRow, sdkHead, sdkRow } from './report/sdk.ts';
import { textTable } from './report/table.ts';
import { measureClient } from './sdk-client.ts';
import { newTalks, openAll, sealAll } from './sdk-crypto.ts';
import { keepAwake } from './services/awake.ts';
import { benchPostgres } from './services/postgres.ts';
import { exitOnSignals, Stack } from './services/stack.ts';

const MUST = 500;
const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '4000' },
    conversations: { type: 'string', default: '16' },
    out: { type: 'string', default: 'sdk' },
  },
});
const messages = Number(values.messages);
const conversations = Number(values.conversations);

async function main(): Promise<number> {
  const environment = readEnvironment(keepAwake());
  await using stack = new Stack();
  const folder = mkdtempSync(join(tmpdir(), 'sotto-bench-sdk-'));
  stack.use({
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  });
  const rows: SdkRow[] = [];
  const note = (row: SdkRow) => {
    rows.push(row);
    console.error(`${row.what}: ${Math.round(row.perSecond)}/s`);
  };

  const { engine, talks } = await newTalks(conversations);
  // Compiled code is what is measured.
  await openAll(engine, await sealAll(engine, talks, 20));
  const each = Math.ceil(messages / conversations);
  const [only] = talks;
  const alone = await timed('encrypt, encryption alone, one conversation', messages, () =>
    sealAll(engine, only ? [only] : [], messages),
  );
  note(alone.row);
  note((await timed('decrypt, encryption alone, one conversation', messages, () => openAll(engine, alone.value))).row);
  const ours = await openFileStore(join(folder, 'ours'));
  const theirs = await openFileStore(join(folder, 'theirs'));
  const kept = await timed('encrypt, kept in a file store', each * talks.length, () =>
    sealAll(engine, talks, each, ours),
  );
  note(kept.row);
  note(
    (await timed('decrypt, kept in a file store', each * talks.length, () => openAll(engine, kept.value, theirs))).row,
  );
  await Promise.all([ours.close(), theirs.close()]);

  const postgres = stack.use(await benchPostgres());
  for (const row of await measureClient({ postgres, folder, messages, conversations })) note(row);

  // As a client it shares the machine with server and database, and waits for them: told, not judged.
  const judged = rows.filter(({ what }) => !what.includes('client of a server'));
  const passed = judged.every(({ perSecond }) => perSecond >= MUST);
  const result = { kind: 'sdk', environment, messages, conversations, must: MUST, rows, passed };
  console.log(`\n${textTable(sdkHead, rows.map(sdkRow))}\n\nwritten to ${writeResult(values.out, result)}`);
  return passed ? 0 : 1;
}

exitOnSignals();
process.exitCode = await main();
