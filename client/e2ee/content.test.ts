import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat, randomBytes, uint32, utf8 } from './bytes.ts';
import { type Content, decodeContent, encodeContent, paddedLength } from './content.ts';
import { hasCode, newUser } from './testing.ts';

const target = { deviceId: newUser(), clientId: newUser() };
const examples: Content[] = [
  { type: 'text', text: 'Grüße, 東京 👋' },
  { type: 'text', text: 'yes', replyTo: target },
  { type: 'edit', target, text: 'no' },
  { type: 'reaction', target, emoji: '👍', on: true },
  { type: 'delete', target },
  { type: 'keys', history: [{ v: 1, key: randomBytes(32) }], search: [{ v: 2, key: randomBytes(32) }] },
  { type: 'keys_request' },
  { type: 'settings', history: 'strict', searchOnServer: true },
];

const raw = (value: unknown) => {
  const json = utf8(JSON.stringify(value));
  return concat(uint32(json.length), json);
};

test('every type of content survives encoding and has a padded length', () => {
  for (const content of examples) {
    const encoded = encodeContent(content);
    assert.ok([256, 1024, 4096].includes(encoded.length));
    assert.deepEqual(decodeContent(encoded), content);
  }
});

test('lengths are padded to 256 B, 1 KiB, 4 KiB and multiples of it', () => {
  const pairs = [
    [1, 256],
    [256, 256],
    [257, 1024],
    [1025, 4096],
    [4097, 8192],
    [60_000, 61_440],
    [65_000, 65_520],
  ] as const;
  for (const [length, padded] of pairs) assert.equal(paddedLength(length), padded);
});

test('what a newer client sends is shown as unsupported; what is broken is malformed', () => {
  assert.deepEqual(decodeContent(raw({ v: 1, type: 'poll', question: '?' })), { type: 'unsupported', name: 'poll' });
  assert.deepEqual(decodeContent(raw({ v: 2, type: 'text', blocks: [] })), { type: 'unsupported', name: 'text' });
  assert.deepEqual(decodeContent(raw({ v: 1, type: 'toString' })), { type: 'unsupported', name: 'toString' });
  assert.deepEqual(decodeContent(raw({ v: 1, type: 'text', text: 'x', mood: 'new field' })), {
    type: 'text',
    text: 'x',
  });
  const broken = [
    raw({ v: 1, type: 'text' }),
    raw({ v: 1, type: 'text', text: '' }),
    raw({ type: 'text', text: 'x' }),
    raw({ v: 1, type: 'edit', text: 'x', target: { deviceId: 'me', clientId: 'it' } }),
    raw({ v: 1, type: 'keys', history: [{ v: 1, key: 'short' }] }),
    raw([]),
    concat(uint32(5), utf8('ab')),
    concat(uint32(2), Uint8Array.of(0xff, 0xfe)),
    new Uint8Array(3),
  ];
  for (const bytes of broken) assert.throws(() => decodeContent(bytes), hasCode('malformed'));
  assert.throws(() => encodeContent({ type: 'text', text: '' }), hasCode('malformed'));
  assert.throws(() => encodeContent({ type: 'text', text: 'é'.repeat(40_000) }), hasCode('malformed'));
});
