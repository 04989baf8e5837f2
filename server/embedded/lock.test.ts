import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const ROUNDS = 400;

/** A process that tries to take the lock of a folder, at a given moment, as often as it is told to. */
function racer(t: TestContext): ChildProcess {
  const script = `
    import { takeLock } from ${JSON.stringify(new URL('./lock.js', import.meta.url).href)};
    process.on('message', async ({ at, folder }) => {
      while (Date.now() < at);
      process.send(await takeLock(folder, process.ppid, -1).then(() => 'taken', (error) => error.name));
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  t.after(() => child.kill('SIGKILL'));
  return child;
}

test('of many that find the lock of a dead keeper at the same moment exactly one gets the folder', async (t) => {
  const racers = [1, 2, 3, 4].map(() => racer(t));
  const outside = mkdtempSync(join(tmpdir(), 'sotto-lock-'));
  t.after(() => rmSync(outside, { recursive: true, force: true }));
  for (let round = 0; round < ROUNDS; round += 1) {
    const inside = mkdtempSync(join(outside, 'folder-'));
    const folder = { lock: join(inside, 'lock'), cluster: join(inside, 'postgres'), log: join(inside, 'log') };
    const dead = { pid: 2 ** 22 + round, mark: 'of an earlier life' };
    writeFileSync(folder.lock, JSON.stringify({ keeper: dead, server: dead }));
    const at = Date.now() + 3;
    const ends = await Promise.all(
      racers.map(async (one) => {
        const said = once(one, 'message');
        one.send({ at, folder });
        return (await said)[0];
      }),
    );
    assert.equal(ends.filter((end) => end === 'taken').length, 1, `round ${round}: ${ends}`);
    assert.deepEqual(readdirSync(inside), ['lock'], 'nothing is left of the race');
  }
});
