import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { groupIdBytes } from '../../protocol/identity.ts';
import { readGroupId } from './group-id.ts';
import { refuses } from './testing.ts';

test('a group id names its conversation and generation', () => {
  fc.assert(
    fc.property(fc.uuid(), fc.nat(0xffff_ffff), (conversationId, generation) => {
      assert.deepEqual(readGroupId(groupIdBytes(conversationId, generation)), { conversationId, generation });
    }),
  );
});

test('a group id of any other length is refused', () => {
  for (const length of [0, 16, 19, 21, 64]) refuses('bad_group_id', () => readGroupId(Buffer.alloc(length)));
});
