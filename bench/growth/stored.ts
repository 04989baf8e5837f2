import type { Seat } from '../driver/connection.ts';
import type { DriveResult } from '../driver/drive.ts';
import { type BenchDatabase, type BenchPostgres, privatePostgres } from '../services/postgres.ts';
import { Stack } from '../services/stack.ts';
import { serverOn } from '../targets/server.ts';
import type { Target } from '../targets/target.ts';
import { type GrowthPoint, load } from './cost.ts';
import { BYTES, catchUp, empty, fill, heads } from './fill.ts';

interface Side {
  readonly database: BenchDatabase;
  readonly target: Target;
  readonly seats: readonly Seat[];
  readonly oid: number;
}

export interface StoredPlan {
  /** Messages stored, rising. */
  readonly stages: readonly number[];
  readonly conversations: number;
  /** Of each conversation both members are connected. */
  readonly talking: number;
  readonly depth: number;
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

/**
 * Two databases with the same people, each with a server of its own: one is filled, one is emptied before each round. They are
 * loaded in turn, so what else the machine does meets both alike. Full pages in the WAL come after a checkpoint, which
 * stands before the warm-up.
 */
export async function measureStored(
  plan: StoredPlan,
  say: (text: string) => void,
): Promise<{ points: GrowthPoint[]; postgres: BenchPostgres['settings'] }> {
  await using stack = new Stack();
  const postgres = stack.use(await privatePostgres({ shared_preload_libraries: 'pg_stat_statements' }));
  const full = await side(postgres, stack, plan);
  const bare = await side(postgres, stack, plan);
  await bare.database.sql`create extension pg_stat_statements`;
  const run = async (one: Side): Promise<DriveResult> => {
    const at = await heads(one.database);
    await postgres.settle();
    return load({
      ...plan,
      messageBytes: BYTES,
      ports: [one.target.port],
      seats: one.seats.map((seat) => ({ ...seat, head: at.get(seat.conversationId) ?? 0 })),
      watch: { server: one.target.pid, ...(postgres.pid !== undefined && { postgres: postgres.pid }) },
      probe: () => counters(bare.database, one.oid),
    });
  };

  const points: GrowthPoint[] = [];
  for (const stage of plan.stages) {
    const began = performance.now();
    await fill(full.database, Math.ceil(stage / plan.conversations), say);
    const fillSeconds = Math.round((performance.now() - began) / 1000);
    const { bytes, logBytes, before } = await sizes(full.database);
    const runs: DriveResult[] = [];
    const beside: DriveResult[] = [];
    for (let round = 0; round < plan.rounds; round++) {
      const turn = async (grown: boolean) => {
        if (grown) await catchUp(full.database);
        else await empty(bare.database);
        const result = await run(grown ? full : bare);
        (grown ? runs : beside).push(result);
        say(`${grown ? stage.toLocaleString('en-GB') : 'empty'}: ${result.perSecond}/s ${result.problems.join('; ')}`);
      };
      for (const grown of round % 2 === 0 ? [false, true] : [true, false]) await turn(grown);
    }
    const { before: after } = await sizes(full.database);
    const facts = { stored: before, storedAfter: after, databaseBytes: bytes, logBytes, fillSeconds };
    points.push({ label: stage.toLocaleString('en-GB'), runs, beside, facts });
  }
  return { points, postgres: postgres.settings };
}

async function side(postgres: BenchPostgres, stack: Stack, plan: StoredPlan): Promise<Side> {
  const database = await postgres.database();
  const target = stack.use(await serverOn(database));
  const seats = await target.seats(2 * plan.conversations);
  await fill(database, 0, () => {});
  const [row] = await database.sql<{ oid: number }[]>`
    select oid::integer from pg_database where datname = current_database()`;
  return { database, target, seats: seats.slice(0, 2 * plan.talking), oid: row?.oid ?? 0 };
}

/** Exact at any moment, unlike the statistics of tables. */
async function counters({ sql }: BenchDatabase, oid: number): Promise<Record<string, number>> {
  const [row] = await sql<Record<string, number>[]>`
    select sum(wal_bytes)::bigint as wal_bytes, sum(shared_blks_hit)::bigint as buffers_hit,
      sum(shared_blks_read)::bigint as buffers_read, sum(shared_blks_dirtied)::bigint as buffers_dirtied,
      sum(calls)::bigint as round_trips
    from pg_stat_statements where dbid = ${oid}`;
  return row ?? {};
}

async function sizes({ sql }: BenchDatabase) {
  const [row] = await sql<{ bytes: number; logBytes: number; before: number }[]>`
    select pg_database_size(current_database()) as bytes, pg_total_relation_size('conversation_log') as log_bytes,
      (select sum(last_seq)::bigint from conversations) as before`;
  return row ?? { bytes: 0, logBytes: 0, before: 0 };
}
