import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { appendFile, copyFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { utf8 } from '../e2ee/bytes.ts';
import { E2eeError, type E2eeErrorCode } from '../e2ee/error.ts';
import { checkKeyStore } from '../e2ee/testing/key-store-rules.ts';
import { openFileKeyStore } from './key-store.ts';

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sotto-keys-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const hasCode = (code: E2eeErrorCode) => (error: unknown) => error instanceof E2eeError && error.code === code;
const put = (key: string, text: string) => ({ put: key, value: utf8(text) });
const read = async (folder: string, key: string) => {
  await using store = await openFileKeyStore(folder);
  return Buffer.from((await store.get(key)) ?? []).toString();
};

for (const passphrase of [undefined, 'correct horse']) {
  test(`the file store keeps the rules of key stores (${passphrase ? 'passphrase' : 'key file'})`, async (t) => {
    const folder = await folderOf(t);
    const options = { compactAbove: 100_000, ...(passphrase ? { passphrase } : {}) };
    await checkKeyStore(await openFileKeyStore(folder, options), async (store) => {
      await store.close();
      return openFileKeyStore(folder, options);
    });
  });
}

test('files are readable by their owner alone and hold no value or name in the clear', async (t) => {
  const folder = await folderOf(t);
  const store = await openFileKeyStore(folder);
  await store.transact([put('conversation/name', 'a secret plaintext')]);
  await store.close();
  for (const file of ['store.log', 'store.key']) assert.equal((await stat(join(folder, file))).mode & 0o777, 0o600);
  const bytes = await readFile(join(folder, 'store.log'));
  for (const text of ['secret', 'conversation']) {
    for (const encoding of ['utf8', 'utf16le'] as const) assert.ok(!bytes.includes(Buffer.from(text, encoding)));
  }
  await assert.rejects(store.transact([put('x', 'y')]), hasCode('store_closed'));
});

test('a record that a crash cut off is dropped with all its writes, and the store goes on', async (t) => {
  const folder = await folderOf(t);
  const log = join(folder, 'store.log');
  const store = await openFileKeyStore(folder);
  await store.transact([put('a', 'kept')]);
  const { size } = await stat(log);
  await store.transact([put('a', 'cut'), put('b', 'cut')]);
  await store.close();
  const whole = await readFile(log);
  for (let length = size + 1; length < whole.length; length += 7) {
    await writeFile(log, whole);
    await truncate(log, length);
    assert.equal(await read(folder, 'a'), 'kept');
    assert.equal(await read(folder, 'b'), '');
  }
  await writeFile(log, whole.subarray(0, size));
  await appendFile(log, Buffer.alloc(300)); // the length reached the disk, the bytes did not
  assert.equal(await read(folder, 'a'), 'kept');
  const again = await openFileKeyStore(folder);
  await again.transact([put('b', 'later')]);
  await again.close();
  assert.equal(await read(folder, 'b'), 'later');
});

test('a changed, moved or removed record is noticed', async (t) => {
  const folder = await folderOf(t);
  const log = join(folder, 'store.log');
  const store = await openFileKeyStore(folder);
  const ends = [(await stat(log)).size];
  for (const text of ['one', 'two', 'six']) {
    await store.transact([put('a', text)]);
    ends.push((await stat(log)).size);
  }
  await store.close();
  const whole = await readFile(log);
  const [start = 0, first = 0, second = 0] = ends;
  const changed = Buffer.from(whole);
  changed[first - 3] = (changed[first - 3] ?? 0) ^ 1;
  const removed = Buffer.concat([whole.subarray(0, start), whole.subarray(first)]);
  const swapped = Buffer.concat([
    whole.subarray(0, start),
    whole.subarray(first, second),
    whole.subarray(start, first),
    whole.subarray(second),
  ]);
  const header = Buffer.from(whole);
  header[2] = 0;
  for (const bytes of [changed, removed, swapped, header]) {
    await writeFile(log, bytes);
    await assert.rejects(openFileKeyStore(folder), hasCode('store_damaged'));
  }
  await writeFile(log, whole);
  assert.equal(await read(folder, 'a'), 'six');
});

test('a wrong passphrase, a foreign key file and a second opening are refused', async (t) => {
  const folder = await folderOf(t);
  const store = await openFileKeyStore(folder, { passphrase: 'right' });
  await assert.rejects(openFileKeyStore(folder, { passphrase: 'right' }), hasCode('store_locked'));
  await store.close();
  await assert.rejects(openFileKeyStore(folder, { passphrase: 'wrong' }), {
    code: 'wrong_passphrase',
    retry: 'changed',
  });
  await (await openFileKeyStore(folder, { passphrase: 'right' })).close();
  const other = await folderOf(t);
  await (await openFileKeyStore(other)).close();
  await copyFile(join(other, 'store.key'), join(folder, 'store.key'));
  await assert.rejects(openFileKeyStore(folder), hasCode('wrong_passphrase'));
});

test('the lock of a dead process is taken over, that of a living one is not', async (t) => {
  const folder = await folderOf(t);
  await (await openFileKeyStore(folder)).close();
  await writeFile(join(folder, 'store.lock'), String(process.ppid));
  await assert.rejects(openFileKeyStore(folder), hasCode('store_locked'));
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  await writeFile(join(folder, 'store.lock'), String(child.pid));
  await (await openFileKeyStore(folder)).close();
});

test('of many processes that find the lock of a dead one at once, one takes it over', async (t) => {
  const script = `
    const { createInterface } = await import('node:readline');
    const { lockFolder } = await import(${JSON.stringify(new URL('./store-lock.js', import.meta.url).href)});
    console.log('there');
    for await (const folder of createInterface({ input: process.stdin }))
      console.log(await lockFolder(folder).then(() => 'held', ({ code }) => code));`;
  const children = Array.from({ length: 6 }, () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill());
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  });
  const answers = () => Promise.all(children.map(async ({ lines }) => (await lines.next()).value));
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  await answers();
  for (let round = 0; round < 40; round++) {
    const folder = await folderOf(t);
    await writeFile(join(folder, 'store.lock'), String(dead.pid));
    for (const { child } of children) child.stdin.write(`${folder}\n`);
    const expected = ['held', ...children.slice(1).map(() => 'store_locked')];
    assert.deepEqual((await answers()).sort(), expected, `round ${round}`);
  }
});

test('a process that died while it took over a lock is no hindrance', async (t) => {
  const folder = await folderOf(t);
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  const lock = join(folder, 'store.lock');
  await writeFile(lock, `${dead.pid}.1`);
  const claim = `${lock}.${createHash('sha256').update(`${dead.pid}.1`).digest('hex').slice(0, 16)}`;
  await writeFile(claim, `${dead.pid}.2`);
  await (await openFileKeyStore(folder)).close();
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.includes('lock')),
    [],
  );
});

test('the log does not grow with the number of writes but with what is kept', async (t) => {
  const folder = await folderOf(t);
  const store = await openFileKeyStore(folder, { compactAbove: 50_000 });
  for (let i = 0; i < 300; i++)
    await store.transact([{ put: `k${i % 5}`, value: new Uint8Array(2000).fill(i % 251) }, put('last', String(i))]);
  await store.close();
  assert.ok((await stat(join(folder, 'store.log'))).size < 80_000);
  assert.equal(await read(folder, 'last'), '299');
});

test('a process killed in the middle of writing loses nothing that was reported stored, and no half of a transaction', async (t) => {
  const folder = await folderOf(t);
  const script = `
    const { openFileKeyStore } = await import(${JSON.stringify(new URL('./key-store.js', import.meta.url).href)});
    const store = await openFileKeyStore(process.argv[1], { compactAbove: 100_000 });
    for (let i = Number(process.argv[2]); ; i++) {
      const value = new TextEncoder().encode(String(i));
      await store.transact([{ put: 'state', value }, { put: 'plain/' + i, value: new Uint8Array(500) }, { put: 'twin', value }]);
      process.stdout.write(i + '\\n');
    }`;
  let reported = -1;
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, folder, String(reported + 1)]);
    const exit = once(child, 'exit');
    const enough = reported + 40 + 17 * round;
    for await (const line of createInterface({ input: child.stdout })) {
      reported = Math.max(reported, Number(line));
      if (reported >= enough) child.kill('SIGKILL');
    }
    await exit;
    await using store = await openFileKeyStore(folder);
    const state = Number(Buffer.from((await store.get('state')) ?? []).toString());
    assert.ok(state >= reported);
    assert.equal(Number(Buffer.from((await store.get('twin')) ?? []).toString()), state);
    assert.ok(await store.get(`plain/${state}`));
    reported = state;
  }
  await using store = await openFileKeyStore(folder);
  assert.equal((await store.list('plain/')).length, reported + 1);
});
