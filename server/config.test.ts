import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, configDoubts, httpUrl, localUrl, readConfig } from './config.ts';

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
  return [];
}

const key = `k4.secret.${'A'.repeat(86)}`;

test('without any variable there is a complete configuration for one local server', () => {
  const config = readConfig({});
  assert.ok(Object.isFrozen(config));
  assert.ok(config.dataDir.startsWith('/') && config.dataDir.endsWith('data'));
  assert.deepEqual(
    { ...config, dataDir: '' },
    {
      host: '127.0.0.1',
      port: 8080,
      adminHost: '127.0.0.1',
      adminPort: 8081,
      dataDir: '',
      databaseUrl: undefined,
      redisUrl: undefined,
      smtpUrl: undefined,
      mailFrom: 'Sotto <sotto@localhost>',
      publicUrl: 'http://127.0.0.1:8080',
      pasetoSecretKey: undefined,
      pasetoPublicKeys: [],
      origins: ['http://localhost:8080', 'http://127.0.0.1:8080'],
      trustedProxies: [],
      requireMls: true,
      shutdownGraceMs: 10_000,
      positionCheckMs: 40_000,
      retentionDays: undefined,
      logLevel: 'info',
      sharePort: false,
    },
  );
});

test('every variable is read', () => {
  const config = readConfig({
    HOST: '::',
    PORT: '9000',
    ADMIN_HOST: '10.0.0.1',
    ADMIN_PORT: '9900',
    DATA_DIR: '/srv/sotto',
    DATABASE_URL: 'postgres://sotto@db/sotto',
    REDIS_URL: 'redis://a:1, redis://b:2',
    SMTP_URL: 'smtps://mail',
    MAIL_FROM: 'Chat <chat@example.org>',
    PUBLIC_URL: 'https://chat.example.org/',
    PASETO_SECRET_KEY: key,
    ORIGINS: 'https://app.example.org, https://other.example.org:8443',
    TRUSTED_PROXIES: '10.0.0.0/8,fd00::1',
    REQUIRE_MLS: 'false',
    SHUTDOWN_GRACE_MS: '0',
    POSITION_CHECK_MS: '2000',
    RETENTION_DAYS: '365',
    LOG_LEVEL: 'debug',
    SHARE_PORT: '1',
  });
  assert.deepEqual(config.origins, [
    'https://app.example.org',
    'https://other.example.org:8443',
    'https://chat.example.org',
  ]);
  assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', 'fd00::1']);
  assert.deepEqual([config.publicUrl, config.port, config.adminPort], ['https://chat.example.org', 9000, 9900]);
  assert.deepEqual(
    [config.requireMls, config.shutdownGraceMs, config.positionCheckMs, config.retentionDays, config.logLevel],
    [false, 0, 2000, 365, 'debug'],
  );
  assert.equal(config.sharePort, true);
});

test('all problems are reported at once, each with the name of its variable', () => {
  const wrong = {
    PORT: '70000',
    ADMIN_PORT: 'x',
    DATABASE_URL: 'mysql://db',
    REDIS_URL: 'localhost',
    SMTP_URL: 'mail',
    MAIL_FROM: 'nobody',
    PUBLIC_URL: 'chat.example.org',
    PASETO_SECRET_KEY: 'hunter2',
    ORIGINS: 'https://app.example.org/path',
    TRUSTED_PROXIES: 'proxy',
    REQUIRE_MLS: 'perhaps',
    SHUTDOWN_GRACE_MS: '-1',
    POSITION_CHECK_MS: 'often',
    RETENTION_DAYS: '0',
    LOG_LEVEL: 'loud',
    SHARE_PORT: 'yes',
  };
  const problems = problemsOf(wrong);
  assert.deepEqual(problems.map((problem) => problem.split(' ')[0]).toSorted(), Object.keys(wrong).toSorted());
  assert.doesNotMatch(problems.join(), /hunter2/);
});

test('a database on a UNIX socket is named by its one folder', () => {
  const at = (host: string) => problemsOf({ DATABASE_URL: `postgres://sotto@localhost/sotto?host=${host}` });
  assert.deepEqual(at('/var/run/postgresql'), []);
  for (const host of ['db.example.org', 'run/postgresql', '/a,/b'])
    assert.match(at(host).join(), /^DATABASE_URL takes \?host= for the one folder/);
});

test('a password that spoils the URL of the database is told as that', () => {
  for (const password of ['a#b', 'a/b', 'a?b', '12#3', '50%', 'a[b/'])
    assert.match(
      problemsOf({ DATABASE_URL: `postgres://sotto:${password}@db/sotto` }).join('\n'),
      /^DATABASE_URL can't be read as a URL: special characters of the password must be percent-encoded, .*$/,
      password,
    );
  for (const url of ['postgres://sotto:a%23b@db/sotto', 'postgres://sotto@db/sotto', 'postgresql://db:5432/sotto'])
    assert.deepEqual(problemsOf({ DATABASE_URL: url }), []);
  assert.match(problemsOf({ DATABASE_URL: 'mysql://sotto:a@db' }).join(), /must be a URL that starts with postgres:/);
});

test('the public URL is one that can be added to', () => {
  for (const url of ['https://chat.example.org/?', 'https://chat.example.org/?a=b', 'https://chat.example.org#top'])
    assert.match(problemsOf({ PUBLIC_URL: url }).join(), /^PUBLIC_URL must have neither a query nor a fragment/, url);
  assert.deepEqual(problemsOf({ PUBLIC_URL: 'https://example.org/chat/' }), []);
});

test('addresses of version 6 stand in brackets, and a server on all addresses is found at a local one', () => {
  assert.equal(readConfig({ HOST: '::1', PORT: '9290' }).publicUrl, 'http://[::1]:9290');
  assert.equal(httpUrl('::1', 9290), 'http://[::1]:9290');
  for (const host of ['0.0.0.0', '::']) assert.equal(localUrl({ host, port: 8080 }), 'http://127.0.0.1:8080');
});

test('a mail server beside addresses that nobody else can use is doubted', () => {
  const names = (env: Record<string, string>) => configDoubts(readConfig(env)).map((doubt) => doubt.split(' ')[0]);
  assert.deepEqual(names({}), []);
  assert.deepEqual(names({ SMTP_URL: 'smtp://mail', HOST: '::' }), ['MAIL_FROM', 'PUBLIC_URL']);
  const set = { MAIL_FROM: 'chat@example.org', PUBLIC_URL: 'https://chat.example.org' };
  assert.deepEqual(names({ SMTP_URL: 'smtp://mail', ...set }), []);
});

test('variables that need each other are reported beside wrong values', () => {
  assert.match(
    problemsOf({ REDIS_URL: 'redis://a', PORT: 'x' }).join('\n'),
    /^PORT .*\nPASETO_SECRET_KEY is needed with REDIS_URL/,
  );
  assert.equal(problemsOf({ SHARE_PORT: 'true' }).length, 2);
  assert.match(problemsOf({ ADMIN_PORT: '8080' }).join(), /ADMIN_PORT must not be PORT/);
});

test('an empty variable counts as absent', () => {
  assert.equal(readConfig({ PORT: '', DATABASE_URL: '' }).port, 8080);
});
