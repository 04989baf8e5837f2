import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { Sql } from '../../server/store/pool.ts';
import { type Cell, fixed, percent, textTable, thousands } from './table.ts';

const SHOWN = 20;
const QUERY_CHARS = 70;
const IDLE = new Set(['(idle)', '(root)']);

const profile = v.object({
  nodes: v.array(
    v.object({
      id: v.number(),
      callFrame: v.object({ functionName: v.string(), url: v.string(), lineNumber: v.number() }),
    }),
  ),
  samples: v.array(v.number()),
  timeDeltas: v.array(v.number()),
});

export const profileFlags = (folder: string | undefined): string[] =>
  folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`];

/** Which functions of the processes that `--cpu-prof` watched took the time, without what they called. */
export function topFrames(folder: string): string {
  const self = new Map<string, number>();
  let busy = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))) {
    const { nodes, samples, timeDeltas } = v.parse(profile, JSON.parse(readFileSync(join(folder, file), 'utf8')));
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
    samples.forEach((id, i) => {
      const name = names.get(id) ?? '';
      if (IDLE.has(name)) return;
      const ms = (timeDeltas[i] ?? 0) / 1000;
      busy += ms;
      self.set(name, (self.get(name) ?? 0) + ms);
    });
  }
  const rows = [...self]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([name, ms]): Cell[] => [name, fixed(ms, 0), percent(ms / busy)]);
  return textTable([`of ${thousands(busy)} ms in which the server was busy`, 'ms', 'share'], rows);
}

function nameOf({ functionName, url, lineNumber }: { functionName: string; url: string; lineNumber: number }): string {
  const file = url.replace(/^.*\/(dist|node_modules)\//, '');
  return `${functionName || '(anonymous)'}${file === '' ? '' : ` ${file}:${lineNumber + 1}`}`;
}

/** Which statements took PostgreSQL's time; needs `pg_stat_statements`. */
export async function topStatements(sql: Sql): Promise<string> {
  const rows = await sql<{ query: string; calls: number; total: number; each: number; share: number }[]>`
    select regexp_replace(query, '\\s+', ' ', 'g') as query, calls, total_exec_time as total, mean_exec_time as each,
      total_exec_time / sum(total_exec_time) over () as share
    from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database())
    order by total_exec_time desc limit ${SHOWN}`;
  return textTable(
    ['statement', 'calls', 'ms', 'ms each', 'share'],
    rows.map(({ query, calls, total, each, share }): Cell[] => [
      query.slice(0, QUERY_CHARS),
      thousands(calls),
      fixed(total, 0),
      fixed(each, 3),
      percent(share),
    ]),
  );
}
