import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { test } from 'node:test';
import * as v from 'valibot';

const manifest = v.parse(
  v.object({
    scripts: v.object({ start: v.string(), cluster: v.string() }),
    dependencies: v.record(v.string(), v.string()),
    optionalDependencies: v.record(v.string(), v.string()),
  }),
  JSON.parse(readFileSync('package.json', 'utf8')),
);
const IMPORT = /(?:^|\s|\()(?:import|from)\s*\(?\s*['"]([^'"]+)['"]|new URL\('(\.[^']+\.js)', import\.meta\.url\)/g;

/** Every package that a built module needs, itself or through others; modules that it starts as threads or processes count. */
function packagesOf(entry: URL): { readonly packages: Set<string>; readonly modules: Set<string> } {
  const packages = new Set<string>();
  const modules = new Set<string>();
  const look = (url: URL): void => {
    if (modules.has(url.href)) return;
    modules.add(url.href);
    for (const [, imported, started] of readFileSync(url, 'utf8').matchAll(IMPORT)) {
      const name = imported ?? started ?? '';
      if (name.startsWith('.')) look(new URL(name, url));
      else if (!name.startsWith('node:') && !builtinModules.includes(name))
        packages.add(name.split('/', name.startsWith('@') ? 2 : 1).join('/'));
    }
  };
  look(entry);
  return { packages, modules };
}

test('the built server needs nothing but production dependencies, and nothing optional before it is asked for', () => {
  const { packages, modules } = packagesOf(new URL('../server/main.js', import.meta.url));
  assert.ok(modules.size > 100, 'the whole server was looked at');
  for (const name of ['uWebSockets.js', 'postgres', 'ioredis', 'bcrypt']) assert.ok(packages.has(name), name);
  const missing = [...packages].filter((name) => !(name in manifest.dependencies));
  assert.deepEqual(missing, []);
  for (const module of modules) assert.doesNotMatch(module, /\.test\.js$|\/testing\//);
});

test('however the built server is started, Node has the flags of `npm start`', () => {
  const { start, cluster } = manifest.scripts;
  const command = start.replace(/^exec /, '');
  assert.match(command, /^node --\S+ --\S+ dist\/server\/main\.js$/);
  for (const file of ['README.md', 'deploy/sotto.service'])
    assert.ok(readFileSync(file, 'utf8').includes(command), `${file}: ${command}`);
  const words = command.split(' ').map((word) => JSON.stringify(word));
  assert.ok(readFileSync('Dockerfile', 'utf8').includes(`CMD [${words.join(', ')}]`), 'Dockerfile');
  assert.ok(cluster.includes(command.replace('server/main.js', 'scripts/cluster.js')), cluster);
});
