import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

export interface ChatArguments {
  readonly server: string;
  readonly user: string | undefined;
  /** Below it each user has a folder per server. */
  readonly folder: string;
  readonly help: boolean;
}

export const usage = `Usage: npm run chat -- [--server URL] [--user NAME] [--folder PATH]

  --server URL    the server to talk to (http://127.0.0.1:8080)
  --user NAME     who you are; asked for if absent
  --folder PATH   where this device keeps its session and messages (~/.sotto)
`;

/** Throws an error with one sentence for what can't be understood. */
export function readArguments(args: readonly string[]): ChatArguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: 'string', default: 'http://127.0.0.1:8080' },
      user: { type: 'string' },
      folder: { type: 'string', default: join(homedir(), '.sotto') },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  const { server, user, folder, help } = values;
  if (!URL.canParse(server) || !/^https?:/.test(server))
    throw new Error(`--server must be an http address, not ${server}`);
  if (user !== undefined && !isUsername(user)) throw new Error(`--user must be ${usernameRule}`);
  return { server, user: user?.toLowerCase(), folder, help };
}

export const usernameRule = '3 to 32 letters, digits or underscores';
export const isUsername = (text: string): boolean => /^[a-z0-9_]{3,32}$/.test(text.toLowerCase());
