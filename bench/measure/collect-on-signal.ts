/**
 * Loaded into a server before it starts (`--expose-gc --import <this>?out=<file>`): on SIGUSR2 it collects all garbage
 * and writes to that file how many bytes are still in use, on the heap and in buffers outside of it.
 */
import { renameSync, writeFileSync } from 'node:fs';

const out = new URL(import.meta.url).searchParams.get('out');
if (out === null) throw new Error('?out= names no file');

process.on('SIGUSR2', () => {
  // The second one takes what finalizers of the first one let go.
  gc?.();
  gc?.();
  const { heapUsed, external } = process.memoryUsage();
  // Whole or not at all: somebody waits for it.
  writeFileSync(`${out}.part`, String(heapUsed + external));
  renameSync(`${out}.part`, out);
});
