import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../../server/testing/database.ts';
import { serverOn } from '../targets/server.ts';
import { compareSlowReader } from './slow-reader.ts';

const MESSAGES = 3000;
const ALLOWED_EXTRA = 64 * 1024 * 1024;

test('a reader who never reads costs the server no memory, and gets everything in order when it does', async () => {
  await using db = await testDatabase();
  const { normal, slow, extraBytes } = await compareSlowReader(() => serverOn(db), MESSAGES);
  assert.deepEqual([...normal.problems, ...slow.problems], []);
  assert.equal(slow.received, MESSAGES);
  assert.ok(extraBytes < ALLOWED_EXTRA, `${slow.peakRss} against ${normal.peakRss}`);
});
