import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { accepts, refuses } from './testing.ts';
import { openMessage, readList, TlsReader, writeVector } from './tls.ts';

const read = (hex: string) => new TlsReader(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

test('integers are read big-endian and unsigned', () => {
  const reader = read('ff fffe fffffffd fffffffffffffffc');
  assert.equal(reader.uint8(), 0xff);
  assert.equal(reader.uint16(), 0xfffe);
  assert.equal(reader.uint32(), 0xffff_fffd);
  assert.equal(reader.uint64(), 0xffff_ffff_ffff_fffcn);
  assert.ok(reader.atEnd);
  reader.end();
});

test('an epoch above 2^53 is refused, one just below is read exactly', () => {
  assert.equal(read('001fffffffffffff').epoch(), Number.MAX_SAFE_INTEGER);
  refuses('bad_epoch', () => read('0020000000000000').epoch());
});

test('a vector of any length survives writing and reading', () => {
  for (const length of [0, 1, 63, 64, 65, 16_383, 16_384, 16_385, 70_000]) {
    const content = Buffer.alloc(length, 7);
    const written = writeVector(content);
    const reader = new TlsReader(written);
    assert.deepEqual(Buffer.from(reader.vector()), content);
    reader.end();
  }
});

test('a length in more bytes than it needs is refused, as is the eight-byte form', () => {
  refuses('non_minimal_varint', () => read('4001 aa').vector());
  refuses('non_minimal_varint', () => read(`403f ${'aa'.repeat(63)}`).vector());
  refuses('non_minimal_varint', () => read('80000001 aa').vector());
  refuses('non_minimal_varint', () =>
    new TlsReader(Buffer.concat([Buffer.from('80003fff', 'hex'), Buffer.alloc(16_383)])).vector(),
  );
  refuses('bad_varint', () => read('c000000000000001 aa').vector());
});

test('a vector that claims more than there is, is refused before anything is made for it', () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let round = 0; round < 100; round += 1) refuses('truncated', () => read('bfffffff aabbcc').vector());
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000);
});

test('reading past the end, leaving bytes, wrong lengths and odd flags are refused', () => {
  refuses('truncated', () => read('').uint8());
  refuses('truncated', () => read('01').uint16());
  refuses('truncated', () => read('010203').uint32());
  refuses('truncated', () => read('01020304050607').uint64());
  refuses('truncated', () => read('40').vector());
  refuses('truncated', () => read('02 aa').vector());
  refuses('trailing_bytes', () => read('00').end());
  refuses('bad_length', () => read('02 aabb').vector(3));
  refuses('bad_value', () => read('02').present());
  assert.deepEqual([read('00').present(), read('01').present()], [false, true]);
});

test('a list is read to the end of its vector, no further, and no longer than allowed', () => {
  const reader = read('04 00010002 ff');
  assert.deepEqual(
    readList(reader, 2, (list) => list.uint16()),
    [1, 2],
  );
  assert.equal(reader.uint8(), 0xff);
  refuses('too_many', () => readList(read('04 00010002'), 1, (list) => list.uint16()));
  refuses('truncated', () => readList(read('03 000100'), 2, (list) => list.uint16()));
});

test('a message of another version, another kind or too great a size is not opened', () => {
  refuses('wrong_version', () => openMessage(Buffer.from('00020005', 'hex'), 8, 5));
  refuses('wrong_wire_format', () => openMessage(Buffer.from('00010004', 'hex'), 8, 5));
  refuses('too_large', () => openMessage(Buffer.from('0001000500', 'hex'), 4, 5));
  openMessage(Buffer.from('00010005', 'hex'), 4, 5).end();
});

test('no sequence of reads on any bytes does anything but answer or refuse', () => {
  const steps = fc.array(fc.constantFrom('uint8', 'uint16', 'uint32', 'uint64', 'epoch', 'present', 'vector', 'end'), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), steps, (bytes, calls) => {
      const reader = new TlsReader(bytes);
      for (const call of calls) {
        const before = reader.position;
        if (!accepts(() => reader[call]())) break;
        assert.ok(reader.position >= before && reader.position <= bytes.length);
      }
    }),
    { numRuns: 3000 },
  );
});
