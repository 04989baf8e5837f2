import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Options } from './simulate.ts';

const built = fileURLToPath(new URL('../../../', import.meta.url));

/** A deliberate mistake: in a copy of the built code, `find` (there exactly once) becomes `replace`. */
export interface Break {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly shows: RegExp;
  readonly options?: Options;
}

export const breaks: readonly Break[] = [
  {
    name: 'skipping the gap check',
    file: 'server/delivery/outbox.js',
    find: 'if (seq === lane.sent + 1) {\n            if (!this.#push(lane, seq, frame))',
    replace: 'if (seq > lane.sent) {\n            if (!this.#push(lane, seq, frame))',
    shows: /a gap/,
  },
  {
    name: 'dropping the re-check after doubt',
    file: 'server/delivery/position-check.js',
    find: 'hub.onDoubt = () => void check();',
    replace: '',
    shows: /after everything healed: \w+ holds \d+ of \d+ entries/,
  },
  {
    name: 'having no position check when an instance is killed between commit and publish',
    options: { onlyKills: true },
    file: 'server/delivery/position-check.js',
    find: 'if (clock.now() - last >= (hub.doubtful ? Math.min(EVERY_MS_IN_DOUBT, everyMs) : everyMs))\n            void check();',
    replace: '',
    shows: /after everything healed: \w+ holds \d+ of \d+ entries/,
  },
  {
    name: 'two batches of one conversation in flight',
    file: 'server/delivery/append.js',
    find: 'line.waiting.push(entry);',
    replace: '{ line.waiting.push(entry); ready.add(line); }',
    shows: /send order is not seq order|out of order|a gap|never|besides its reply/,
  },
];

/** A copy of the build with this mistake in it, inside the build so that packages are found from there. */
export function breakBuild({ file, find, replace }: Break): { folder: string; remove(): void } {
  const folder = mkdtempSync(join(built, '.broken-'));
  for (const part of ['protocol', 'server', 'sql'])
    cpSync(join(built, part), join(folder, part), { recursive: true, filter: (from) => !from.endsWith('.test.js') });
  const source = readFileSync(join(folder, file), 'utf8');
  assert.equal(source.split(find).length, 2, `${file} no longer has what this breaks`);
  writeFileSync(join(folder, file), source.replace(find, replace));
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
