// `npm run worker`: sends the mails of a server's database from a process of its own.
import { ConfigError, readConfig } from '../server/config.ts';
import { startMail } from '../server/jobs/mail.ts';
import { createLog } from '../server/log.ts';
import { openGate } from '../server/store/gate.ts';

const config = read();
const log = createLog(config.logLevel);
if (config.databaseUrl === undefined)
  exitWith(['DATABASE_URL is needed: the embedded PostgreSQL belongs to its server, which sends its mails itself.']);
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

function read() {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) exitWith(error.problems);
    throw error;
  }
}

function exitWith(problems: readonly string[]): never {
  process.stderr.write(`The mail worker can't start:\n${problems.map((problem) => `  - ${problem}\n`).join('')}`);
  process.exit(1);
}
