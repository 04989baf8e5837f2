import { setTimeout as delay } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import * as v from 'valibot';
import { uuid } from '../../protocol/scalars.ts';
import type { RedisAddress } from '../bus/connection.ts';
import { openJobConnection } from '../bus/job-connection.ts';
import type { Log } from '../log.ts';
import type { MailSender } from './mail-sender.ts';

const NAME = 'mail';
/** Adding a job waits for as long as Redis is away; more than this at once are left to the sweep. */
const MAX_ADDING = 64;
const ADD_WITHIN_MS = 1_000;

const job = v.object({ id: uuid });

export interface MailQueueOptions {
  readonly address: RedisAddress;
  readonly log: Log;
  /** In braces, so that a Cluster keeps all keys of the queue on one node. */
  readonly prefix?: string;
}

/** The part that adds: wakes some worker, of this process or another. */
export interface MailQueue {
  /** True once a worker will be woken; false if Redis doesn't answer in time. Never rejects. */
  wake(id: string): Promise<boolean>;
  /** Jobs that wait for a worker. */
  depth(): Promise<number>;
  close(): Promise<void>;
}

/** Carries ids only: the mails are in PostgreSQL, and losing a job costs a few seconds until the next sweep. */
export function openMailQueue(options: MailQueueOptions): MailQueue {
  const { address, log, prefix = '{sotto}' } = options;
  const connection = openJobConnection(address, () => {});
  const queue = new Queue(NAME, { connection, prefix });
  // Without a listener an error would end the process.
  queue.on('error', (error) => log.debug({ err: error }, 'the mail queue has no Redis'));
  let adding = 0;

  return {
    async wake(id) {
      if (adding >= MAX_ADDING) return false;
      adding += 1;
      const added = queue
        .add(NAME, { id }, { jobId: id, removeOnComplete: true, removeOnFail: true })
        .then(
          () => true,
          () => false,
        )
        .finally(() => {
          adding -= 1;
        });
      const timer = new AbortController();
      const late = delay(ADD_WITHIN_MS, false, { signal: timer.signal, ref: false }).catch(() => false);
      const answer = await Promise.race([added, late]);
      timer.abort();
      return answer;
    },
    depth: () => queue.getWaitingCount(),
    async close() {
      await Promise.race([queue.close().catch(() => {}), delay(2_000, undefined, { ref: false })]);
      connection.disconnect();
    },
  };
}

/** The part that works off. */
export interface MailWorker {
  /** Waits for what is being sent, for a few seconds. */
  close(): Promise<void>;
}

export function startMailWorker(options: MailQueueOptions, sender: MailSender): MailWorker {
  const { address, log, prefix = '{sotto}' } = options;
  const connection = openJobConnection(address, () => {});
  const worker = new Worker(
    NAME,
    async ({ data }) => {
      // Whether it is still to be sent, the outbox knows.
      await sender.sendOne(v.parse(job, data).id);
    },
    { connection, prefix, concurrency: 3 },
  );
  worker.on('error', (error) => log.debug({ err: error }, 'the mail worker has no Redis'));
  worker.on('failed', (_job, error) =>
    log.warn({ err: error }, 'a mail could not be sent now; it stays in the outbox'),
  );
  return {
    async close() {
      await Promise.race([worker.close().catch(() => {}), delay(10_000, undefined, { ref: false })]);
      connection.disconnect();
    },
  };
}
