import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { launchChromium } from '../../client/testing/chromium.ts';
import type { RunningServer } from './running-server.ts';

/** A module of this build as a page's program imports it; `file` as seen from this folder. */
export const modulePath = (file: string): string => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)));

/** One page of an application. What its program put into the global `sotto` is called by name; all crosses over as JSON. */
export interface AppPage {
  readonly page: Page;
  open(): Promise<void>;
  call<T>(name: string, argument?: unknown): Promise<T>;
  /** Resolves once an expression is true there. */
  until(expression: string): Promise<void>;
}

/** Pages of one browser profile with this program, as if the server had given it to them. */
export async function browserApp(
  t: TestContext,
  server: RunningServer,
  program: string,
): Promise<() => Promise<AppPage>> {
  const built = await build({
    stdin: { contents: program, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
  });
  const script = built.outputFiles[0]?.text ?? '';
  const html = '<!doctype html><script type="module" src="/app/main.js"></script>';
  const context = await (await launchChromium(t)).newContext();
  // The application comes from the server's own address; the browser takes what a route answers for a page from afar.
  await context.route(`${server.url}/app/*`, (route) =>
    route.request().url().endsWith('.js')
      ? route.fulfill({ contentType: 'text/javascript', body: script })
      : route.fulfill({ contentType: 'text/html', body: html }),
  );
  return async () => {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    return {
      page,
      async open() {
        await page.goto(`${server.url}/app/`);
        await page.waitForFunction('globalThis.sotto');
      },
      call: (name, argument = {}) => page.evaluate(`sotto.${name}(${JSON.stringify(argument)})`),
      async until(expression) {
        await page.waitForFunction(expression);
      },
    };
  };
}
