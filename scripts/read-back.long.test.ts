import { test } from 'node:test';
import { longPast, readBackInChromium, readBackInNode } from './testing/long-past.ts';

/** A year of a lively conversation. */
const MESSAGES = Number(process.env.MESSAGES ?? 50_000);

test('a new device reads a year of a conversation back', async (t) => {
  const past = await longPast(t, MESSAGES);
  await t.test('in Node', (inNode) => readBackInNode(inNode, past));
  await t.test('in Chromium', (inChromium) => readBackInChromium(inChromium, past));
});
