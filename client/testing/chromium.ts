import { spawnSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import { type Browser, chromium } from 'playwright-core';

/** The browser of this machine: named in CHROMIUM, on the PATH, or installed where that is possible. */
function chromiumPath(): string {
  const script =
    'for name in "$CHROMIUM" chromium chromium-browser google-chrome; do command -v "$name" && break; done';
  const find = () => spawnSync('sh', ['-c', script], { encoding: 'utf8' }).stdout.trim();
  if (!find() && process.getuid?.() === 0) {
    console.log('chromium is missing: installing it with apt-get');
    spawnSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
    spawnSync('apt-get', ['install', '-qy', '--no-install-recommends', 'chromium'], { stdio: 'ignore' });
  }
  const path = find();
  if (!path) throw new Error('The browser tests need Chromium: install it, or name it in CHROMIUM.');
  return path;
}

/** Chromium without a window; the caller closes it. */
export const startChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath(),
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-features=LocalNetworkAccessChecks'],
  });

/** The same; closed when the test ends. */
export async function launchChromium(t: TestContext): Promise<Browser> {
  const browser = await startChromium();
  t.after(() => browser.close());
  return browser;
}
