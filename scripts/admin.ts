// `npm run admin -- <command>`: administration from the machine itself, and the only way to make an administrator.
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { administer } from '../server/accounts/administration.ts';
import type { Config } from '../server/config.ts';
import { startEmbedded } from '../server/embedded/embedded.ts';
import { databaseFolder } from '../server/embedded/folder.ts';
import { runningDatabase } from '../server/embedded/running.ts';
import { RequestError } from '../server/errors.ts';
import { createLog } from '../server/log.ts';
import { type AdminAct, countEverything, findUserId, listAudit, listUsers } from '../server/store/audit.ts';
import { type Gate, openGate } from '../server/store/gate.ts';
import { exitWith, reasonOf, refusal, settingsOrExit } from './operator/refusal.ts';
import { renewLogId } from './operator/restored.ts';
import { schemaProblem } from './operator/schema.ts';

const usage = `Usage: npm run admin -- <command>
  promote <username>          gives the role of an administrator
  demote <username>           takes it away
  suspend <username>          refuses logins and closes connections, until
  reinstate <username>
  revoke-sessions <username>  logs out everywhere
  list [beginning]            accounts by name
  audit                       the latest administrative acts
  stats                       how many of everything
  restored                    after the database was restored from a backup
`;
const heading = "This command can't run";
const acts: readonly string[] = ['promote', 'demote', 'suspend', 'reinstate', 'revoke-sessions'] satisfies AdminAct[];

const [command = '', argument] = process.argv.slice(2);
const work = workOf(command, argument);
if (['--help', '-h', 'help'].includes(command)) process.stdout.write(usage);
else if (work === undefined) {
  process.stderr.write(usage);
  process.exitCode = 2;
} else {
  process.exitCode = await withDatabase(settingsOrExit(heading), work);
}

/** What is asked for, before anything is opened; nothing if it can't be understood. */
function workOf(what: string, name: string | undefined): ((gate: Gate) => Promise<void>) | undefined {
  if (isAct(what)) return name === undefined ? undefined : (gate) => change(gate, what, name.toLowerCase());
  if (what === 'list') return (gate) => list(gate, name?.toLowerCase());
  if (what === 'audit') return audit;
  if (what === 'stats') return stats;
  if (what === 'restored') return restored;
  return undefined;
}

async function withDatabase(config: Config, what: (gate: Gate) => Promise<void>): Promise<number> {
  if (config.databaseUrl === undefined && !existsSync(databaseFolder(config.dataDir).cluster)) {
    exitWith(heading, [
      `There is no database: DATABASE_URL is not set, and ${config.dataDir} (DATA_DIR) holds no embedded one.`,
    ]);
  }
  let end = async (): Promise<void> => {};
  try {
    // A server that runs has its database up; otherwise it is brought up for a moment.
    const running = config.databaseUrl ?? runningDatabase(config.dataDir);
    const embedded = running === undefined ? await startEmbedded(config.dataDir) : undefined;
    end = async () => embedded?.stop();
    const gate = openGate(running ?? embedded?.url ?? '');
    end = async () => {
      await gate.close();
      await embedded?.stop();
    };
    const howToMigrate = config.databaseUrl === undefined ? 'a start of the server' : '`npm run migrate`';
    // A backup may be older: it is brought up to date by the start that follows.
    const problem = what === restored ? undefined : await schemaProblem(gate, howToMigrate);
    if (problem !== undefined) throw new Error(problem);
    await what(gate);
    return 0;
  } catch (error) {
    process.stderr.write(error instanceof RequestError ? `${error.message}\n` : refusal(heading, [reasonOf(error)]));
    return 1;
  } finally {
    await end();
  }
}

async function list(gate: Gate, beginning: string | undefined): Promise<void> {
  for (const user of await listUsers(gate, beginning, undefined, 1_000)) {
    const state = user.deletedAt ? 'deleted' : user.suspendedAt ? 'suspended' : user.role;
    process.stdout.write(`${user.username.padEnd(33)}${state.padEnd(11)}${user.id}  ${user.email ?? ''}\n`);
  }
}

async function audit(gate: Gate): Promise<void> {
  for (const entry of await listAudit(gate, undefined, 100)) {
    process.stdout.write(
      `${entry.at.toISOString()}  ${entry.actor} (${entry.origin})  ${entry.action}  ${entry.target ?? ''}\n`,
    );
  }
}

async function stats(gate: Gate): Promise<void> {
  for (const [name, count] of Object.entries(await countEverything(gate)))
    process.stdout.write(`${name.padEnd(15)}${count}\n`);
}

async function restored(gate: Gate): Promise<void> {
  const { before, after } = await renewLogId(gate);
  process.stdout.write(`The log has the new id ${after} (it was ${before}).
Servers that run notice it within a second and have all clients connect again. Clients compare what they hold with the
restored log, read it again from where the two differ, and send again what they had sent and the server lost.
`);
}

async function change(gate: Gate, what: AdminAct, username: string): Promise<void> {
  const userId = await findUserId(gate, username);
  if (userId === undefined) throw new RequestError('not_found', { message: `No account is called ${username}.` });
  const actor = { id: undefined, name: userInfo().username, origin: 'console' };
  // The servers see in the database, within a second, that sessions have ended.
  const changed = await administer({ gate, log: createLog('silent'), endSessions() {} }, what, userId, actor);
  process.stdout.write(changed ? `${what}: ${username}\n` : `Nothing to change: ${username} is that already.\n`);
}

function isAct(text: string): text is AdminAct {
  return acts.includes(text);
}
