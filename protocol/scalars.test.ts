import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { bytes, email, exactBytes, isBase64url, line, timestamp, username, uuid } from './scalars.ts';

test('base64url accepts exactly what an encoder writes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (data) => isBase64url(Buffer.from(data).toString('base64url'))),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), (text) => {
      const canonical = Buffer.from(text, 'base64url').toString('base64url') === text;
      assert.equal(isBase64url(text), canonical);
    }),
  );
  for (const text of ['QQ==', 'QR', 'a', 'a+b/', 'ab\n', 'é']) assert.equal(isBase64url(text), false, text);
});

test('bytes are bounded by their decoded length', () => {
  assert.ok(v.is(bytes(3), 'AAAA'));
  assert.ok(!v.is(bytes(3), 'AAAAAA'));
  assert.ok(!v.is(bytes(3), ''));
  assert.ok(v.is(exactBytes(32), Buffer.alloc(32).toString('base64url')));
  assert.ok(!v.is(exactBytes(32), Buffer.alloc(31).toString('base64url')));
});

test('ids, names and addresses that differ only in case become equal', () => {
  assert.equal(v.parse(uuid, '019A0C6E-7B1F-7C3A-9D4E-000000000001'), '019a0c6e-7b1f-7c3a-9d4e-000000000001');
  assert.equal(v.parse(username, 'Ada_1815'), 'ada_1815');
  assert.equal(v.parse(email, ' Ada@Example.org '), 'ada@example.org');
});

test('what is no id, name, line or time is refused', () => {
  for (const text of ['', 'x', '019a0c6e7b1f7c3a9d4e000000000001', `${crypto.randomUUID()} `, null, 7]) {
    assert.ok(!v.is(uuid, text));
  }
  for (const text of ['ab', 'a b c', 'ädä', 'x'.repeat(33), '__proto__ ']) assert.ok(!v.is(username, text), text);
  for (const text of ['', '   ', 'a\nb', 'a\u202eb', 'a\u2028b', 'x'.repeat(65)]) assert.ok(!v.is(line(64), text));
  assert.ok(v.is(timestamp, new Date(0).toISOString()));
  assert.ok(!v.is(timestamp, 'yesterday'));
});
