import { test } from 'node:test';
import { restartInTurn } from './testing/rolling.ts';

test('three instances behind HAProxy are restarted one after the other under load', { timeout: 110_000 }, (t) =>
  restartInTurn(t, { pairs: 8, everyMs: 200, how: 'SIGTERM' }),
);
