import type { DriveResult } from '../driver/drive.ts';
import { readMemory } from '../measure/cpu.ts';
import { DeviceProcess } from '../resume/process.ts';
import { benchPostgres } from '../services/postgres.ts';
import { Stack } from '../services/stack.ts';
import { serverTarget } from '../targets/server.ts';
import { type GrowthPoint, load, pause } from './cost.ts';

export interface ConnectionsPlan {
  /** In all, rising; those beyond the ones that send only stay. */
  readonly totals: readonly number[];
  readonly sending: number;
  readonly depth: number;
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly idleMs: number;
}

/** The same sending load on a server with more and more idle connections, in turn with one that has none. */
export async function measureConnections(plan: ConnectionsPlan, say: (text: string) => void) {
  await using stack = new Stack();
  const postgres = stack.use(await benchPostgres());
  const crowded = stack.use(await serverTarget(postgres));
  const alone = stack.use(await serverTarget(postgres));
  const run = async (target: typeof crowded) => {
    const seats = await target.seats(plan.sending);
    await postgres.settle();
    return load({
      ...plan,
      messageBytes: 256,
      ports: [target.port],
      seats,
      watch: { server: target.pid, ...(postgres.pid !== undefined && { postgres: postgres.pid }) },
    });
  };
  const points: GrowthPoint[] = [];
  let idle = 0;
  for (const total of plan.totals) {
    const more = Math.max(0, total - plan.sending - idle);
    if (more > 0) {
      const devices = stack.use(new DeviceProcess());
      const seats = await crowded.seats(more);
      await devices.order({ do: 'open', seats, firstIndex: idle, port: crowded.port, run: 'idle' }, 'open');
      await pause(plan.idleMs);
      idle += more;
    }
    const runs: DriveResult[] = [];
    const beside: DriveResult[] = [];
    for (let round = 0; round < plan.rounds; round++) {
      for (const many of round % 2 === 0 ? [false, true] : [true, false]) {
        const result = await run(many ? crowded : alone);
        (many ? runs : beside).push(result);
        say(`${many ? total : plan.sending} connections: ${result.perSecond}/s ${result.problems.join('; ')}`);
      }
    }
    const facts = { connections: total, idle, rss: readMemory(crowded.pid).now };
    points.push({ label: total.toLocaleString('en-GB'), runs, beside, facts });
  }
  return { points, postgres: postgres.settings };
}
