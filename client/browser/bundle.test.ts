import assert from 'node:assert/strict';
import { builtinModules } from 'node:module';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const MAX_GZIPPED = 120 * 1024;
const pathOf = (file: string) => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)));

test('the whole SDK with its encryption bundles for browsers without a module of Node, in under 120 KB', async () => {
  const { outputFiles, metafile } = await build({
    stdin: {
      contents: `export * from ${pathOf('../index.js')}; export * from ${pathOf('./indexeddb-store.js')}; export * from ${pathOf('./tabs.js')};`,
      resolveDir: fileURLToPath(new URL('.', import.meta.url)),
    },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    // Deep imports of a library are resolved as its package says; what only Node has fails the build.
    target: 'es2022',
  });
  const [bundle] = outputFiles;
  assert.ok(bundle);
  const size = gzipSync(bundle.contents, { level: 9 }).length;
  assert.ok(size < MAX_GZIPPED, `${size} bytes`);
  const ofNode = Object.entries(metafile.inputs).flatMap(([file, { imports }]) =>
    imports
      .filter(({ path }) => path.startsWith('node:') || builtinModules.includes(path))
      .map(({ path, kind }) => `${kind} of ${path} in ${/@[\w-]+\/\w+/.exec(file)?.[0] ?? file}`),
  );
  // The HPKE library tries this in a Node without a global `crypto`; no browser comes by.
  assert.deepEqual([...new Set(ofNode)], ['dynamic-import of crypto in @hpke/common']);
  assert.ok(bundle.text.includes('sotto-aad-v1'), 'with the encryption in it');
  console.log(`${bundle.contents.length} bytes, ${size} gzipped`);
});
