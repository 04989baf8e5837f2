import { test } from 'node:test';
import { restartInTurn } from './testing/rolling.ts';

test('the same with 300 clients', (t) => restartInTurn(t, { pairs: 150, everyMs: 1_000, how: 'SIGTERM' }));

test('the same with 300 clients, each instance killed with -9', (t) =>
  restartInTurn(t, { pairs: 150, everyMs: 1_000, how: 'SIGKILL' }));
