import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generateSigningKey } from '../server/accounts/signing-keys.ts';
import { readConfig } from '../server/config.ts';

const read = (file: string): string => readFileSync(file, 'utf8');
const instructions = read('Dockerfile')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => /^[A-Z]/.test(line));
const last = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));
const compose = read('compose.yaml');

/** The variables that a block of compose.yaml or an ENV line sets. */
const pairs = (text: string, pattern: RegExp): Record<string, string> =>
  Object.fromEntries([...text.matchAll(pattern)].map(([, name = '', value = '']) => [name, value]));

test('the image is built on one pinned base, and on no newer C library than it runs with', () => {
  const bases = new Set(instructions.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1]));
  assert.equal(bases.size, 1);
  assert.match([...bases][0] ?? '', /^node:\d+-[a-z]+-slim$/);
});

test('the image runs as a numbered user that is not root, and says whether it is well', () => {
  const user = last.find((line) => line.startsWith('USER ')) ?? '';
  assert.match(user, /^USER [1-9]\d*(:[1-9]\d*)?$/);
  assert.ok(last.some((line) => line.startsWith('HEALTHCHECK ') && line.includes('/healthz')));
  // As an array, so that SIGTERM reaches the server and not a shell.
  assert.match(last.at(-1) ?? '', /^CMD \["node", /);
});

test('the image holds the built server and production dependencies only, and nothing of the folder besides', () => {
  const copied = last.filter((line) => line.startsWith('COPY '));
  assert.deepEqual(copied, [
    'COPY --from=dependencies /sotto/node_modules node_modules',
    'COPY --from=build /sotto/dist dist',
    'COPY package.json LICENSE ./',
  ]);
  assert.ok(instructions.some((line) => line.startsWith('RUN npm ci --omit=dev --omit=optional')));
  const ignored = read('.dockerignore').split('\n');
  for (const name of ['.git', 'node_modules', 'dist', 'data', '.env']) assert.ok(ignored.includes(name), name);
});

test('every service of compose.yaml has a pinned image, and only this machine reaches its ports', () => {
  const images = [...compose.matchAll(/^ +image: (.*)$/gm)].map(([, image]) => image ?? '');
  assert.equal(images.length, 4);
  for (const image of images) assert.match(image, /^[a-z/]+:v?\d/);
  for (const [, port] of compose.matchAll(/^ +- '?([\d.:]*:\d+:\d+)'?$/gm)) assert.match(port ?? '', /^127\.0\.0\.1:/);
});

test('the server understands what the containers set, and is given longer to stop than it takes', async () => {
  const image = pairs(last.find((line) => line.startsWith('ENV ')) ?? '', /(\w+)=(\S+)/g);
  const block = /environment:\n((?: {4}.*\n)+)/.exec(compose)?.[1] ?? '';
  // As compose fills them in where .env has nothing.
  const service = pairs(block.replace(/\$\{\w+:-(.*?)\}/g, '$1'), /^ {4}([A-Z_]+): (.*)$/gm);
  const env = {
    ...image,
    ...service,
    DATABASE_URL: service.DATABASE_URL?.replace(/\$\{.*?\}/, 'secret'),
    PASETO_SECRET_KEY: (await generateSigningKey()).secret,
  };
  const config = readConfig(env);
  assert.equal(config.redisUrl, 'redis://redis:6379');
  assert.deepEqual(config.trustedProxies, ['172.28.0.0/24']);
  const known = read('server/config.ts');
  for (const name of Object.keys({ ...image, ...service }).filter((one) => one !== 'NODE_ENV'))
    assert.match(known, new RegExp(`^ +${name}: v\\.`, 'm'));
  const grace = Number(/stop_grace_period: (\d+)s/.exec(compose)?.[1]) * 1000;
  assert.ok(grace >= 2 * config.shutdownGraceMs);
});

test('HAProxy asks exactly the servers that compose.yaml starts', () => {
  const asked = [...read('deploy/haproxy.cfg').matchAll(/^ +server (\w+) (\w+):8080 check$/gm)].map(
    ([, , host]) => host,
  );
  const started = [...compose.matchAll(/^ {2}(\w+): \*sotto$/gm)].map(([, name]) => name);
  assert.deepEqual(asked, started);
});
