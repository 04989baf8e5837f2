import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog, forPeople } from './log.ts';

function captured(level = 'info') {
  const lines: string[] = [];
  return { lines, log: createLog(level, { write: (line) => lines.push(line) }) };
}

test('secrets are hidden at every depth that is logged, also by a child', () => {
  const { lines, log } = captured();
  const secrets = {
    token: 'SECRET',
    password: 'SECRET',
    authorization: 'SECRET',
    mls: 'SECRET',
    content: 'SECRET',
    cookie: 'SECRET',
  };
  log
    .child({ refreshToken: 'SECRET', userId: 'u1' })
    .info({ ...secrets, body: secrets, request: { headers: secrets } }, 'seen');
  assert.doesNotMatch(lines.join(), /SECRET/);
  assert.match(lines.join(), /"userId":"u1".*"msg":"seen"/);
});

test('an error is told by name, message, code, stack and cause, without what else it carries', () => {
  const { lines, log } = captured();
  const cause = Object.assign(new Error('duplicate key'), {
    code: '23505',
    detail: 'Key (email)=(SECRET)',
    parameters: ['SECRET'],
  });
  log.error({ err: new Error('could not store', { cause }) }, 'failed');
  const { err } = JSON.parse(lines.join());
  assert.doesNotMatch(lines.join(), /SECRET/);
  assert.deepEqual([err.message, err.cause.code, err.cause.message], ['could not store', '23505', 'duplicate key']);
});

test('what was thrown may be no error at all', () => {
  const { lines, log } = captured();
  log.error({ err: 'a string' }, 'failed');
  assert.match(lines.join(), /"message":"a string"/);
});

test('lines below the level are not written', () => {
  const { lines, log } = captured('warn');
  log.info('quiet');
  assert.deepEqual(lines, []);
});

test('lines for people have the time, the level, the sentence and the fields', () => {
  let text = '';
  const log = createLog('info', forPeople({ write: (line) => (text += line) }));
  log.warn({ n: 1, name: 'x', err: new Error('broken') }, 'look here');
  assert.match(text, /^\d\d:\d\d:\d\d warn {2}look here n=1 name=x\nError: broken\n {4}at /);
});
