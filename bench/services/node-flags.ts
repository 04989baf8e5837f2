import { readFileSync } from 'node:fs';
import * as v from 'valibot';

const schema = v.object({ scripts: v.object({ start: v.string() }) });

/** Node's flags of `npm start`. The baselines get them, too: what they do for the server is no merit of its own. */
export function startFlags(): string[] {
  const { scripts } = v.parse(schema, JSON.parse(readFileSync('package.json', 'utf8')));
  return scripts.start.split(' ').filter((word) => word.startsWith('--'));
}
