import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readConfig } from '../../server/config.ts';

const PING_EVERY_MS = 25_000;

test('systemd runs what is built, lets it drain, and takes nothing away that the embedded database needs', () => {
  const unit = readFileSync('deploy/sotto.service', 'utf8');
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? '';
  assert.ok(existsSync(value('ExecStart').split(' ').at(-1) ?? ''), value('ExecStart'));
  assert.equal(value('KillMode'), 'mixed');
  assert.ok(Number(value('TimeoutStopSec')) * 1_000 >= 2 * readConfig({}).shutdownGraceMs);
  assert.equal(value('EnvironmentFile'), '-/etc/sotto.env');
  // Whose database it is, is told from /proc; JavaScript is compiled while it runs.
  for (const name of ['ProcSubset', 'MemoryDenyWriteExecute']) assert.equal(value(name), '', name);
  assert.match(value('RestrictAddressFamilies'), /AF_UNIX/);
  assert.ok(value('Environment').endsWith(`DATA_DIR=/var/lib/${value('StateDirectory')}`));
});

test('nginx passes sockets on, waits longer than clients are silent, and says who is there', () => {
  const conf = readFileSync('deploy/nginx.conf', 'utf8');
  for (const line of [
    'proxy_http_version 1.1;',
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
  ])
    assert.ok(conf.includes(line), line);
  const [, seconds] = /proxy_read_timeout (\d+)s;/.exec(conf) ?? [];
  assert.ok(Number(seconds) * 1_000 > 2.5 * PING_EVERY_MS);
  assert.doesNotMatch(conf, /log_format[^;]*\$(request|request_uri|args)\b/);
});
