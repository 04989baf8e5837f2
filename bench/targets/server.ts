import { type Person, provision } from '../provision.ts';
import type { Seat } from '../driver/connection.ts';
import type { BenchDatabase, BenchPostgres } from '../services/postgres.ts';
import { type Program, startProgram } from '../services/program.ts';
import type { Target } from './target.ts';

export const BENCH_PASSWORD = 'correct horse battery staple';

export const serverTarget = async (postgres: BenchPostgres): Promise<Target> => serverOn(await postgres.database());

export async function serverOn(database: BenchDatabase): Promise<Target> {
  const program = await startServer(database, 0);
  return {
    ...program,
    name: 'server',
    dialect: 'sotto',
    ordered: true,
    durable: true,
    seats: async (count) => (await provision(database.sql, count)).map(seatOf),
  };
}

/** A server that keeps its port and its data when it is killed and started again. */
export class RestartableServer implements AsyncDisposable {
  readonly port: number;
  readonly #database: BenchDatabase;
  #program: Program;

  private constructor(database: BenchDatabase, port: number, program: Program) {
    this.#database = database;
    this.port = port;
    this.#program = program;
  }

  static async start(postgres: BenchPostgres, port: number): Promise<RestartableServer> {
    const database = await postgres.database();
    return new RestartableServer(database, port, await startServer(database, port));
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** `names`: what the user names begin with, before `_` and a number from 0. */
  async seats(count: number, withPasswords: boolean): Promise<{ seats: Seat[]; names: string }> {
    if (withPasswords) throw new Error('this server has no accounts');
    return { seats: (await provision(this.#database.sql, count)).map(seatOf), names: '' };
  }

  /** As a crash would. */
  async restart(): Promise<void> {
    process.kill(this.#program.pid, 'SIGKILL');
    await this.#program[Symbol.asyncDispose]();
    this.#program = await startServer(this.#database, this.port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}

const startServer = ({ url }: BenchDatabase, port: number): Promise<Program> =>
  startProgram('../targets/messaging-program.js', { DATABASE_URL: url, PORT: String(port) });

const seatOf = ({ conversationId, ...identity }: Person): Seat => ({ conversationId, token: JSON.stringify(identity) });
