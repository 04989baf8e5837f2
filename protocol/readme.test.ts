import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as v from 'valibot';
import { closeCodes, errorCodes } from './codes.ts';
import { errorFrame } from './frame.ts';
import { events, isEventType, isNotificationType, isRequestType, notifications, requests } from './index.ts';

const page = readFileSync('protocol/README.md', 'utf8');

/** The frames of the page's examples: `→` from the client, `←` from the server. */
const blocks = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(([, block = '']) =>
  block
    .trim()
    .split('\n')
    .map((line) => ({ fromClient: line.startsWith('→'), frame: JSON.parse(line.slice(1)) as Frame })),
);

interface Frame {
  readonly type: string;
  readonly id?: number;
  readonly body?: unknown;
}

test('every frame of the page is one the schemas accept', () => {
  assert.ok(blocks.length >= 5);
  for (const block of blocks) {
    const asked = new Map<number, keyof typeof requests>();
    for (const { fromClient, frame } of block) {
      const { type, id, body } = frame;
      if (fromClient && id !== undefined) {
        assert.ok(isRequestType(type), type);
        asked.set(id, type);
        v.parse(requests[type].body, body);
      } else if (fromClient) {
        assert.ok(isNotificationType(type), type);
        v.parse(notifications[type].body, body);
      } else if (type === 'reply') {
        const request = asked.get(id ?? 0);
        assert.ok(request !== undefined, `a reply to nothing: ${id}`);
        v.parse(requests[request].reply, body);
      } else if (type === 'error') v.parse(errorFrame, frame);
      else {
        assert.ok(isEventType(type), type);
        v.parse(events[type].body, body);
      }
    }
  }
});

test('the page names every type, every error with its status and retry, and every close code', () => {
  for (const type of [...Object.keys(requests), ...Object.keys(notifications), ...Object.keys(events)]) {
    assert.ok(page.includes(`\`${type}`) || page.includes(`"${type}"`), `the page does not mention ${type}`);
  }
  for (const [code, { status, retry }] of Object.entries(errorCodes)) {
    assert.ok(page.includes(`| \`${code}\` | ${status} | ${retry} |`), `the page has no row for ${code} as it is`);
  }
  for (const [name, code] of Object.entries(closeCodes)) {
    assert.ok(page.includes(`| ${code} | \`${name}\` |`), `the page has no row for ${code} ${name}`);
  }
});

test('the page has a row for every limit, as it is', () => {
  const inTime = new Map([
    ['60', 'a minute'],
    ['900', '15 minutes'],
    ['3600', 'an hour'],
  ]);
  // The table itself belongs to the server, of which nothing is imported here.
  const table = readFileSync('server/limits/table.ts', 'utf8');
  const rows = [...table.matchAll(/^ {2}(\w+): \{ points: ([\d_]+), seconds: (\d+), per: '([^']+)'/gm)];
  assert.equal(rows.length, table.match(/points: \d/g)?.length);
  for (const [, name, points = '', seconds = '', per = ''] of rows) {
    const most = Number(points.replaceAll('_', '')).toLocaleString('en-GB');
    const row = `| \`${name}\` | ${most} in ${inTime.get(seconds)} | ${per.replace('client ', '')} |`;
    assert.ok(page.includes(row), `the page does not have ${row}`);
  }
});
