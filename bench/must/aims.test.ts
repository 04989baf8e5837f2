import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Outcome, resultOf } from './aims.ts';

const tried = (figure: string, more: Partial<Outcome> = {}): Outcome => ({
  figure,
  verdict: 'must reached',
  objections: [],
  unquiet: false,
  at: '2026-01-01T00:00:00.000Z',
  commit: 'c',
  ...more,
});
const apart = (figure: string): Outcome =>
  tried(figure, { verdict: 'no result', objections: ['apart'], unquiet: true });

test('the first try whose rounds agree is the result, also if it missed, and those before it are named', () => {
  const missed = tried('0.2', { verdict: 'missed' });
  assert.deepEqual(resultOf([apart('0.5'), missed, tried('0.6')]), { ...missed, before: ['0.5'] });
  assert.deepEqual(resultOf([tried('0.6'), apart('0.2')]), { ...tried('0.6'), before: [] });
  assert.deepEqual(resultOf([apart('0.5'), apart('0.6')]), { ...apart('0.6'), before: ['0.5'] });
});

test('a fault in any try is the result', () => {
  const faulty = tried('0.9', { verdict: 'no result', objections: ['other bytes'] });
  assert.deepEqual(resultOf([apart('0.5'), tried('0.6'), faulty]), { ...faulty, before: ['0.5', '0.6'] });
});
