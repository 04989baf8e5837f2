// `npm run admin -- <command>`: administration from the machine itself, and the only way to make an administrator.
import { userInfo } from 'node:os';
import { administer } from '../server/accounts/administration.ts';
import { readConfig } from '../server/config.ts';
import { startEmbedded } from '../server/embedded/embedded.ts';
import { runningDatabase } from '../server/embedded/running.ts';
import { RequestError } from '../server/errors.ts';
import { createLog } from '../server/log.ts';
import { type AdminAct, countEverything, findUserId, listAudit, listUsers } from '../server/store/audit.ts';
import { openGate } from '../server/store/gate.ts';
import { migrate } from '../server/store/migrate.ts';

const usage = `Usage: npm run admin -- <command>
  promote <username>          gives the role of an administrator
  demote <username>           takes it away
  suspend <username>          refuses logins and closes connections, until
  reinstate <username>
  revoke-sessions <username>  logs out everywhere
  list [beginning]            accounts by name
  audit                       the latest administrative acts
  stats                       how many of everything
`;
const acts: readonly string[] = ['promote', 'demote', 'suspend', 'reinstate', 'revoke-sessions'] satisfies AdminAct[];

const [command = '', argument] = process.argv.slice(2);
const config = readConfig(process.env);
// A server that runs has its database up; otherwise it is brought up for a moment.
const running = config.databaseUrl ?? runningDatabase(config.dataDir);
const embedded = running === undefined ? await startEmbedded(config.dataDir) : undefined;
const url = running ?? embedded?.url ?? '';
await migrate(url);
const gate = openGate(url);
try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
} finally {
  await gate.close();
  await embedded?.stop();
}

async function run(): Promise<number> {
  if (isAct(command) && argument !== undefined) return change(command, argument.toLowerCase());
  if (command === 'list') {
    for (const user of await listUsers(gate, argument?.toLowerCase(), undefined, 1_000)) {
      const state = user.deletedAt ? 'deleted' : user.suspendedAt ? 'suspended' : user.role;
      process.stdout.write(`${user.username.padEnd(33)}${state.padEnd(11)}${user.id}  ${user.email ?? ''}\n`);
    }
    return 0;
  }
  if (command === 'audit') {
    for (const entry of await listAudit(gate, undefined, 100)) {
      process.stdout.write(
        `${entry.at.toISOString()}  ${entry.actor} (${entry.origin})  ${entry.action}  ${entry.target ?? ''}\n`,
      );
    }
    return 0;
  }
  if (command === 'stats') {
    for (const [name, count] of Object.entries(await countEverything(gate)))
      process.stdout.write(`${name.padEnd(15)}${count}\n`);
    return 0;
  }
  process.stderr.write(usage);
  return 2;
}

async function change(what: AdminAct, username: string): Promise<number> {
  const userId = await findUserId(gate, username);
  if (userId === undefined) throw new RequestError('not_found', { message: `No account is called ${username}.` });
  const actor = { id: undefined, name: userInfo().username, origin: 'console' };
  // The servers see in the database, within a second, that sessions have ended.
  const changed = await administer({ gate, log: createLog('silent'), endSessions() {} }, what, userId, actor);
  process.stdout.write(changed ? `${what}: ${username}\n` : `Nothing to change: ${username} is that already.\n`);
  return 0;
}

function isAct(text: string): text is AdminAct {
  return acts.includes(text);
}
