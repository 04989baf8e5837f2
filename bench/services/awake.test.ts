import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { keepAwake } from './awake.ts';

test('no latency is asked for where the machine takes the request, and nothing is made where it does not', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-awake-'));
  try {
    const device = join(folder, 'device');
    assert.equal(keepAwake(device), false);
    writeFileSync(device, '');
    assert.equal(keepAwake(device), true);
    assert.deepEqual(readFileSync(device), Buffer.alloc(4));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
