import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createActivity } from './activity.ts';

test('requests in flight are counted by type, and stored messages over the last minute', () => {
  let time = 1_000_000;
  const activity = createActivity(() => time);
  activity.started('ping');
  for (const type of ['message.send', 'message.send', 'no.such.type', 'no.such.other']) activity.started(type);
  assert.deepEqual(activity.requestsInFlight(), { ping: 1, 'message.send': 2, unknown: 2 });
  activity.answered('message.send', 'ok');
  activity.answered('message.send', 'unavailable');
  activity.answered('ping', 'ok');
  assert.deepEqual(activity.requestsInFlight(), { unknown: 2 });
  assert.equal(activity.messagesPerMinute(), 1);
  time += 30_000;
  activity.started('message.send');
  activity.answered('message.send', 'ok');
  assert.equal(activity.messagesPerMinute(), 2);
  time += 30_000;
  assert.equal(activity.messagesPerMinute(), 1, 'a minute is over for the first');
  time += 3_600_000;
  assert.equal(activity.messagesPerMinute(), 0);
});
