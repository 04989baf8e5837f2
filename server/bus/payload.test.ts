import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BusMessage } from './bus.ts';
import { decodePayload, encodeMessage, encodePayload, isFrom } from './payload.ts';

const text = fc.string({ unit: 'binary' });
const id = fc.uuid();
const key = fc.stringMatching(/^[\w:. -]{1,256}$/);
const message: fc.Arbitrary<BusMessage> = fc.oneof(
  fc.record({
    class: fc.constant('durable' as const),
    conversationId: id,
    seq: fc.nat(),
    frame: fc.option(text, { nil: undefined }),
  }),
  fc.record({ class: fc.constantFrom('state' as const, 'ephemeral' as const), key, frame: text }),
  fc.record({
    class: fc.constant('control' as const),
    control: fc.oneof(
      fc.record({ kind: fc.constant('ended' as const), sessionIds: fc.array(id), code: fc.nat(), reason: text }),
      fc.record({ kind: fc.constant('displaced' as const), deviceId: id, connectionNo: fc.nat() }),
      fc.record({ kind: fc.constant('wake' as const), deviceIds: fc.array(id) }),
    ),
  }),
);

/** fast-check makes objects without a prototype. */
const plain = (made: BusMessage): BusMessage => structuredClone(made);

test('a payload is read back as it was written, whatever the frames hold', () => {
  fc.assert(
    fc.property(id, fc.array(message), (from, messages) => {
      const payload = encodePayload(from, 'messages', 1.5, messages.map(encodeMessage));
      const decoded = decodePayload(Buffer.from(payload).toString());
      assert.deepEqual(decoded, { from, at: 1.5, kind: 'messages', messages: messages.map(plain) });
    }),
  );
});

test("an instance knows its own payloads by their beginning, and takes no other's for its own", () => {
  fc.assert(
    fc.property(id, id, fc.constantFrom('messages' as const, 'doubt' as const), (own, other, kind) => {
      assert.equal(isFrom(own, encodePayload(own, kind, 1.5, ['c x\n'])), true);
      assert.equal(isFrom(own, encodePayload(other, kind, 1.5, [own])), own === other);
      assert.equal(isFrom(own, encodePayload(`${own}2`, kind, 1.5, [])), false);
    }),
  );
  fc.assert(fc.property(fc.string(), (rubbish) => !isFrom('a', rubbish) || rubbish.includes(' a ')));
});

test('a damaged payload is refused, not half read', () => {
  fc.assert(
    fc.property(fc.array(message, { minLength: 1 }), fc.nat(), fc.string({ minLength: 1 }), (messages, at, rubbish) => {
      const payload = encodePayload('a', 'messages', 1, messages.map(encodeMessage));
      const cut = payload.slice(0, at % payload.length);
      assert.equal(decodePayload(cut), undefined);
      assert.equal(decodePayload(payload + rubbish), undefined);
    }),
  );
});

test('anything else is refused without an exception', () => {
  fc.assert(fc.property(fc.string(), (rubbish) => decodePayload(rubbish) === undefined));
  for (const odd of [
    '',
    '\n',
    'sotto1 messages a 1 1e9\n',
    'sotto1 messages a 1 999999999\n',
    'sotto1 messages a 1 1\nc {"kind":"ended"}\n',
    'sotto1 messages a 1 1\nc {x}\n',
  ]) {
    assert.equal(decodePayload(odd), undefined);
  }
});
