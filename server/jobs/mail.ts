import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseRedisAddress } from '../bus/connection.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Gate } from '../store/gate.ts';
import { startMailLoop } from './mail-loop.ts';
import { openMailQueue, startMailWorker } from './mail-queue.ts';
import { createMailSender, type MailPatience } from './mail-sender.ts';
import { fileTransport, smtpTransport } from './mail-transport.ts';

export interface MailOptions {
  readonly config: Pick<Config, 'dataDir' | 'databaseUrl' | 'redisUrl' | 'smtpUrl' | 'mailFrom' | 'publicUrl'>;
  readonly gate: Gate;
  readonly log: Log;
  readonly patience?: Partial<MailPatience>;
  readonly sweepEveryMs?: number;
  /** Of the queue's keys in Redis. */
  readonly prefix?: string;
}

export interface MailJobs {
  /** Asks for mails to be sent soon. They are safe in the database already. */
  wake(ids: readonly string[]): void;
  /** How many wait for a worker in Redis; nothing without Redis, or while it does not answer. */
  jobs(): Promise<number | undefined>;
  /** False while the mail server is away. */
  reachable(): boolean;
  /** Sends no more, and waits for what is being sent. */
  close(): Promise<void>;
}

/** Sends mail from this process: woken through Redis if there is one, else directly, and by a sweep in any case. */
export function startMail(options: MailOptions): MailJobs {
  const { config, gate, log, patience, prefix } = options;
  const { smtpUrl, mailFrom, publicUrl, dataDir, databaseUrl, redisUrl } = config;
  const transport =
    smtpUrl === undefined ? fileTransport(join(dataDir, 'mail'), mailFrom) : smtpTransport(smtpUrl, mailFrom);
  // With the embedded database the operator and the only reader of the mail folder are the same person.
  const onLink = smtpUrl === undefined && databaseUrl === undefined ? printLink : undefined;
  if (smtpUrl === undefined && databaseUrl !== undefined)
    log.warn({}, 'SMTP_URL is not set: mails are files in the data folder, and nobody gets them');
  const sender = createMailSender({
    gate,
    transport,
    publicUrl,
    log,
    ...(onLink && { onLink }),
    ...(patience && { patience }),
  });
  const loop = startMailLoop(sender, log, options.sweepEveryMs);
  const queueOptions =
    redisUrl === undefined ? undefined : { address: parseRedisAddress(redisUrl), log, ...(prefix && { prefix }) };
  const queue = queueOptions && openMailQueue(queueOptions);
  const worker = queueOptions && startMailWorker(queueOptions, sender);

  return {
    wake(ids) {
      if (queue === undefined) return loop.wake(ids);
      for (const id of ids) void queue.wake(id).then((woken) => woken || loop.wake([id]));
    },
    jobs: async () =>
      queue && Promise.race([queue.depth().catch(() => undefined), delay(500, undefined, { ref: false })]),
    reachable: () => transport.reachable,
    async close() {
      await Promise.all([loop.close(), queue?.close(), worker?.close()]);
      transport.close();
    },
  };
}

function printLink(mail: { address: string; subject: string; link: string }): void {
  process.stdout.write(`Mail to ${mail.address}: ${mail.subject}\n  ${mail.link}\n`);
}
