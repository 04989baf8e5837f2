import { type Config, ConfigError, readConfig } from '../../server/config.ts';
import { storeErrorOf } from '../../server/store/errors.ts';

/** The settings of this process, or its end with all that is wrong with them. */
export function settingsOrExit(heading: string): Config {
  try {
    return readConfig(process.env);
  } catch (error) {
    if (error instanceof ConfigError) return exitWith(heading, error.problems);
    throw error;
  }
}

export function exitWith(heading: string, problems: readonly string[]): never {
  process.stderr.write(refusal(heading, problems));
  process.exit(1);
}

export const refusal = (heading: string, problems: readonly string[]): string =>
  `${heading}:\n${problems.map((problem) => `  - ${problem}\n`).join('')}`;

/** Why something failed, in one sentence. A database that is away is told apart from one that says no. */
export function reasonOf(error: unknown): string {
  const known = storeErrorOf(error);
  return known instanceof Error ? known.message : String(known);
}
