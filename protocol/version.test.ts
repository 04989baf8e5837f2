import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { toJsonSchema } from '@valibot/to-json-schema';
import type { Schema } from './define.ts';
import { clientFrame, errorFrame, eventFrame, replyFrame } from './frame.ts';
import * as http from './http.ts';
import { events, notifications, requests } from './index.ts';
import { PROTOCOL_VERSION } from './version.ts';

const FINGERPRINTS: Record<number, string> = { 1: '83accd16de73448b' };

const describe = (schema: Schema) => toJsonSchema(schema, { typeMode: 'input', errorMode: 'ignore' });

test('a changed schema comes with a new protocol version', () => {
  const shapes = [
    ...Object.values(requests).map((r) => [r.type, describe(r.body), describe(r.reply)]),
    ...[...Object.values(notifications), ...Object.values(events)].map((m) => [m.type, describe(m.body)]),
    [clientFrame, replyFrame, errorFrame, eventFrame].map(describe),
    Object.entries(http).map(([name, schema]) => [name, describe(schema)]),
  ];
  const fingerprint = createHash('sha256').update(JSON.stringify(shapes)).digest('hex').slice(0, 16);
  assert.equal(
    fingerprint,
    FINGERPRINTS[PROTOCOL_VERSION],
    'a schema changed: raise PROTOCOL_VERSION, tell its history in version.ts, and record this fingerprint',
  );
});

test('every definition stands in its table under its own type', () => {
  for (const table of [requests, notifications, events]) {
    for (const [type, definition] of Object.entries(table)) assert.equal(definition.type, type);
  }
});
