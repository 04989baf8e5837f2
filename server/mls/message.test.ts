import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as mls from 'ts-mls';
import { readMessageHeader } from './message.ts';
import {
  accepts,
  conversationId,
  encode,
  fuzz,
  hurt,
  makeCommit,
  makeDevice,
  makeGroup,
  makeMessage,
  refuses,
  suiteImpl,
} from './testing.ts';

const group = await makeGroup(await makeDevice(1), 3);
const { state, commit } = await makeCommit(group, []);
const valid = await makeMessage(state, Buffer.from('hello'), Buffer.alloc(140, 5));
const read = (bytes: Uint8Array) => readMessageHeader(Buffer.from(bytes).toString('base64url'));
const changed = (at: number, ...values: number[]) =>
  Buffer.concat([valid.subarray(0, at), Uint8Array.from(values), valid.subarray(at + values.length)]);

test('group, generation and epoch of an application message are read from its text', () => {
  assert.deepEqual(read(valid), { conversationId, generation: 3, epoch: 1 });
});

test('messages of every length of plaintext and of authenticated data are read to their exact end', async () => {
  const lengths = [0, 1, 2, 3, 61, 62, 63, 64, 65, 66, 300, 1021, 1022, 1023, 1024];
  for (const [index, length] of lengths.entries()) {
    const bytes = await makeMessage(state, Buffer.alloc(index * 137), Buffer.alloc(length));
    assert.equal(read(bytes).epoch, 1);
    refuses('trailing_bytes', () => read(Buffer.concat([bytes, Uint8Array.of(0)])));
    refuses('truncated', () => read(bytes.subarray(0, -1)));
  }
  assert.equal(read(await makeMessage(state, Buffer.alloc(60_000))).epoch, 1);
});

test('an epoch is read exactly up to 2^53 and refused beyond', () => {
  assert.equal(read(changed(25, 0, 0x1f, 255, 255, 255, 255, 255, 255)).epoch, Number.MAX_SAFE_INTEGER);
  assert.equal(read(changed(25, 0, 0, 0, 0, 255, 255, 255, 255)).epoch, 0xffff_ffff);
  refuses('bad_epoch', () => read(changed(25, 0, 0x20, 0, 0, 0, 0, 0, 0)));
});

test('more than a kibibyte of authenticated data is refused', async () => {
  const bytes = await makeMessage(state, Buffer.from('x'), Buffer.alloc(1025));
  refuses('authenticated_data_too_long', () => read(bytes));
});

test('a commit, another version, a group id of another form and an encrypted commit are refused', async () => {
  refuses('wrong_wire_format', () => read(commit));
  refuses('wrong_version', () => read(changed(1, 2)));
  refuses('wrong_wire_format', () => read(changed(3, 5)));
  refuses('bad_group_id', () => read(changed(4, 19)));
  const privately = await mls.createCommit({ state, cipherSuite: suiteImpl }, { wireAsPublicMessage: false });
  refuses('wrong_content_type', () => read(encode(privately.commit)));
  refuses('wrong_content_type', () => read(changed(33, 2)));
});

test('lengths in more bytes than they need, or in eight, are refused', async () => {
  const short = await makeMessage(state, Buffer.from('x'));
  assert.equal(short[34], 0);
  const widened = (...length: number[]) =>
    Buffer.concat([short.subarray(0, 34), Uint8Array.from(length), short.subarray(35)]);
  refuses('non_minimal_varint', () => read(widened(0x40, 0)));
  refuses('non_minimal_varint', () => read(widened(0x80, 0, 0, 0)));
  refuses('bad_varint', () => read(widened(0xc0, 0, 0, 0, 0, 0, 0, 0)));
  refuses('truncated', () =>
    read(Buffer.concat([short.subarray(0, 35), Uint8Array.of(0xbf, 255, 255, 255), short.subarray(36)])),
  );
});

test('a message above 64 KiB, a stub, and text outside the alphabet are refused', () => {
  refuses('too_large', () => read(Buffer.concat([valid, Buffer.alloc(64 * 1024)])));
  refuses('truncated', () => readMessageHeader(''));
  refuses('truncated', () => read(valid.subarray(0, 35)));
  const text = valid.toString('base64url');
  for (const strange of ['+', '/', '=', ' ', 'é', '\u{1f600}'.charAt(0), '\0']) {
    refuses('bad_base64url', () => readMessageHeader(text.slice(0, 7) + strange + text.slice(8)));
  }
});

test('what the reader accepts, the library decodes to the same header', () => {
  fc.assert(
    fc.property(hurt(valid), (bytes) => {
      if (!accepts(() => read(bytes))) return;
      const header = read(bytes);
      const message = mls.decodeMlsMessage(bytes, 0)?.[0];
      assert.equal(message?.wireformat, 'mls_private_message');
      assert.ok(message?.wireformat === 'mls_private_message');
      assert.equal(Number(message.privateMessage.epoch), header.epoch);
      assert.deepEqual(encode(message), bytes);
    }),
    { numRuns: 3000 },
  );
});

test('noise, hurt messages and arbitrary text are refused, nothing else happens', { timeout: 120_000 }, () => {
  fuzz(valid, read, 10_000);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      accepts(() => readMessageHeader(text));
      accepts(() => readMessageHeader(valid.toString('base64url').slice(0, 48) + text));
    }),
  );
});
