// `npm run worker`: sends the mails of a server's database from a process of its own.
import { startMail } from '../server/jobs/mail.ts';
import { createLog } from '../server/log.ts';
import { openGate } from '../server/store/gate.ts';
import { exitWith, settingsOrExit } from './operator/refusal.ts';

const heading = "The mail worker can't start";

const config = settingsOrExit(heading);
const log = createLog(config.logLevel);
if (config.databaseUrl === undefined)
  exitWith(heading, [
    'DATABASE_URL is needed: the embedded PostgreSQL belongs to its server, which sends its mails itself.',
  ]);
if (config.smtpUrl === undefined)
  exitWith(heading, ['SMTP_URL is needed: without it mails would become files that reach nobody, and count as sent.']);
const gate = openGate(config.databaseUrl);
const mail = startMail({ config, gate, log });
log.info({}, 'the mail worker is ready');

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => {
    log.info({ signal }, 'stopping');
    mail
      .close()
      .then(() => gate.close())
      .then(
        () => process.exit(0),
        (error: unknown) => log.error({ err: error }, 'the mail worker did not end well'),
      );
  });
}
