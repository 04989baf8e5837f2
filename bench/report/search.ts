import * as v from 'valibot';
import type { Environment } from './environment.ts';
import { type Cell, fixed, markdownTable, thousands } from './table.ts';

const number = v.number();
const searchRow = v.object({
  what: v.string(),
  p50: number,
  p95: number,
  worst: number,
  /** Milliseconds of PostgreSQL for each. */
  databaseCpu: v.optional(number),
  /** Messages on a page, on average. */
  found: v.optional(number),
  /** Searches that took too long. */
  refused: v.optional(number),
  limit: v.optional(v.object({ of: v.picklist(['p95', 'worst']), ms: number })),
});

export const searchResult = v.object({
  messages: number,
  conversations: number,
  largest: number,
  tagsEach: number,
  fillSeconds: number,
  rows: v.array(searchRow),
  megabytes: v.object({ index: number, primaryKey: number, table: number }),
  indexLimitMb: number,
  postgres: v.record(v.string(), v.string()),
  passed: v.boolean(),
  environment: v.custom<Environment>(() => true),
});

/** One kind of search, or of sends; milliseconds. */
export type SearchRow = v.InferOutput<typeof searchRow>;
export type SearchResult = v.InferOutput<typeof searchResult>;

export const searchHead = ['ms', 'median', 'p95', 'worst', 'CPU of PostgreSQL', 'found', 'limit', ''];

export const isWithin = (row: SearchRow): boolean => row.limit === undefined || row[row.limit.of] < row.limit.ms;

export function searchCells(row: SearchRow): Cell[] {
  const { limit, databaseCpu, found, refused = 0 } = row;
  return [
    row.what,
    fixed(row.p50, 2),
    fixed(row.p95, 2),
    fixed(row.worst, 1),
    databaseCpu === undefined ? '' : fixed(databaseCpu, 2),
    found === undefined ? '' : fixed(found, 1) + (refused > 0 ? ` (${refused} refused)` : ''),
    limit === undefined ? '' : `${limit.of} ${limit.ms}`,
    limit === undefined ? '' : isWithin(row) ? 'passed' : 'FAILED',
  ];
}

/** What the index takes, in a sentence. */
export function indexText({ megabytes, indexLimitMb, tagsEach }: SearchResult): string {
  const verdict = megabytes.index <= indexLimitMb ? 'passed' : 'FAILED';
  return (
    `Index of the tags ${fixed(megabytes.index, 0)} MB (limit ${indexLimitMb}: ${verdict}), primary key ` +
    `${fixed(megabytes.primaryKey, 0)} MB, table ${fixed(megabytes.table, 0)} MB; ${fixed(tagsEach, 1)} tags a message.`
  );
}

/** The section of bench/README.md. */
export function searchSection(result: SearchResult, where: string): string {
  const { messages, conversations, largest, postgres, passed, rows } = result;
  return [
    `### Search by blind tags: ${passed ? 'passed' : 'failed'}`,
    where,
    `${thousands(messages)} messages in ${thousands(conversations)} conversations, the largest with ${thousands(largest)}; one search or send at a ` +
      `time, from frame to reply. PostgreSQL ${postgres.server_version}, fsync ${postgres.fsync}, shared_buffers ${postgres.shared_buffers}.`,
    markdownTable(searchHead, rows.map(searchCells)),
    indexText(result),
  ].join('\n\n');
}
