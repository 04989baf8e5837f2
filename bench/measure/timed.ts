import type { SdkRow } from '../report/sdk.ts';

/** Does work on so many messages, and tells how fast and for how much of this process's CPU time. */
export async function timed<T>(
  what: string,
  count: number,
  work: () => Promise<T>,
): Promise<{ row: SdkRow; value: T }> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  const value = await work();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { value, row: { what, perSecond: count / seconds, cpuPer1000: (user + system) / 1e3 / count } };
}
