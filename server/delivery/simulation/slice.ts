// A worker: simulates the seeds it was given and says what came of them.
import { parentPort, workerData } from 'node:worker_threads';
import { simulate } from './simulate.ts';

export interface Slice {
  readonly from: number;
  readonly seeds: number;
}

export interface SliceResult {
  readonly messages: number;
  readonly deliveries: number;
  readonly kills: number;
  /** What the seeds that failed said. */
  readonly failed: readonly string[];
}

const { from, seeds }: Slice = workerData;
const sum = { messages: 0, deliveries: 0, kills: 0 };
const failed: string[] = [];
for (let seed = from; seed < from + seeds; seed++) {
  try {
    const { messages, deliveries, kills } = await simulate(seed);
    sum.messages += messages;
    sum.deliveries += deliveries;
    sum.kills += kills;
  } catch (error) {
    failed.push(error instanceof Error ? error.message : String(error));
  }
}
parentPort?.postMessage({ ...sum, failed } satisfies SliceResult);
