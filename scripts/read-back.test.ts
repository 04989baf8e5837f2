import { test } from 'node:test';
import { longPast, readBackInChromium, readBackInNode } from './testing/long-past.ts';

test('a new device reads a long conversation back', async (t) => {
  const past = await longPast(t, 300);
  await t.test('in Node', (inNode) => readBackInNode(inNode, past));
  await t.test('in Chromium', (inChromium) => readBackInChromium(inChromium, past));
});
