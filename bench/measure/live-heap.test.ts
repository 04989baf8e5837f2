import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { LiveHeap } from './live-heap.ts';

/** Holds 32 MB of numbers, and has let go of as many buffers. */
const HOLDER = `
  globalThis.kept = Array.from({ length: 4 * 2 ** 20 }, Math.random);
  for (let i = 0; i < 32; i++) Buffer.alloc(2 ** 20);
  globalThis.pages = Array.from({ length: 32 }, () => 'x'.repeat(2 ** 20) + Math.random()).map((text) => Buffer.from(text)).length;
  setInterval(() => {}, 1000);
  console.log('ready');
`;

test('what a process holds is counted, and what it let go of is not', async () => {
  await using heap = new LiveHeap();
  const child = spawn(process.execPath, [...heap.nodeFlags, '-e', HOLDER], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const bytes = await heap.read(child.pid ?? 0);
    assert.ok(bytes > 32 * 2 ** 20 && bytes < 48 * 2 ** 20, `${bytes} bytes are in use`);
  } finally {
    child.kill();
  }
});
