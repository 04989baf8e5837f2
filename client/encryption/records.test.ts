import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { groupRecord } from './records.ts';

test('a conversation that is unsafe stays so, whatever the reason is called that another version of this program kept', () => {
  const kept = { generation: 0, users: [], joined: 1, sent: 0, renewedAt: 0 };
  const unsafe = (reason: unknown) => v.parse(groupRecord, { ...kept, unsafe: reason }).unsafe;
  assert.equal(unsafe('fork'), 'fork');
  assert.equal(unsafe('a_later_reason'), 'unreadable');
  assert.equal(v.parse(groupRecord, kept).unsafe, undefined);
});
