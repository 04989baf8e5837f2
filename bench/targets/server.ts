import { createAccessTokens } from '../../server/accounts/access-token.ts';
import { createPasswords } from '../../server/accounts/passwords.ts';
import { generateSigningKey, importSigningKeys } from '../../server/accounts/signing-keys.ts';
import { freePort } from '../../server/embedded/port.ts';
import type { Seat } from '../driver/connection.ts';
import { enterGroups, type Person, provision } from '../provision.ts';
import { sealedMessages } from '../sealed.ts';
import type { BenchDatabase, BenchPostgres } from '../services/postgres.ts';
import { type ServerProcess, startServerProcess } from '../services/server-process.ts';
import type { Target } from './target.ts';

export const BENCH_PASSWORD = 'correct horse battery staple';
/** Longer than any run: what renews tokens is not what is measured. */
const TOKEN_MS = 6 * 3_600_000;

/** It takes nothing but MLS messages, and is loaded with such as the SDK seals them. */
export async function sealedServerTarget(postgres: BenchPostgres, nodeFlags: readonly string[] = []): Promise<Target> {
  const database = await postgres.database();
  const { secret } = await generateSigningKey();
  const server = await startServerProcess({
    databaseUrl: database.url,
    secretKey: secret,
    requireMls: true,
    nodeFlags,
  });
  return {
    ...server,
    name: 'server',
    dialect: 'sotto',
    ordered: true,
    durable: true,
    async seats(count) {
      const people = await provision(database.sql, count);
      await enterGroups(database.sql, people);
      const messages = await sealedMessages(people);
      return (await seatsOf(people, secret)).map((seat, i) => {
        const message = messages[i];
        if (message === undefined) throw new Error('everybody is one of a pair');
        return { ...seat, message };
      });
    },
  };
}

export const serverTarget = async (postgres: BenchPostgres, nodeFlags?: readonly string[]): Promise<Target> =>
  serverOn(await postgres.database(), nodeFlags);

export async function serverOn(database: BenchDatabase, nodeFlags: readonly string[] = []): Promise<Target> {
  const { secret } = await generateSigningKey();
  const server = await startServerProcess({ databaseUrl: database.url, secretKey: secret, nodeFlags });
  return {
    ...server,
    name: 'server',
    dialect: 'sotto',
    ordered: true,
    durable: true,
    seats: async (count) => seatsOf(await provision(database.sql, count), secret),
  };
}

/** A server that keeps its port and its data when it is killed and started again. */
export class RestartableServer implements AsyncDisposable {
  readonly #database: BenchDatabase;
  readonly #secret: string;
  readonly #nodeFlags: readonly string[];
  #server: ServerProcess;

  private constructor(database: BenchDatabase, secret: string, nodeFlags: readonly string[], server: ServerProcess) {
    this.#database = database;
    this.#secret = secret;
    this.#nodeFlags = nodeFlags;
    this.#server = server;
  }

  static async start(database: BenchDatabase, nodeFlags: readonly string[] = []): Promise<RestartableServer> {
    const { secret } = await generateSigningKey();
    const port = await freePort();
    return new RestartableServer(
      database,
      secret,
      nodeFlags,
      await startServerProcess({ databaseUrl: database.url, secretKey: secret, port, nodeFlags }),
    );
  }

  get pid(): number {
    return this.#server.pid;
  }

  get port(): number {
    return this.#server.port;
  }

  /** With user names where people are to log in; all have the same password. */
  async seats(count: number, withPasswords: boolean): Promise<(Seat & { readonly username: string })[]> {
    const people = await provision(this.#database.sql, count);
    if (withPasswords) {
      const hash = await (await createPasswords()).hash(BENCH_PASSWORD);
      await this.#database.sql`update users set password_hash = ${hash}`;
    }
    const seats = await seatsOf(people, this.#secret);
    return seats.map((seat, i) => ({ ...seat, username: people[i]?.username ?? '' }));
  }

  /** As a crash would, and a supervisor. */
  async restart(): Promise<void> {
    await this.#server.kill();
    this.#server = await startServerProcess({
      databaseUrl: this.#database.url,
      secretKey: this.#secret,
      port: this.port,
      nodeFlags: this.#nodeFlags,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

/** Access tokens without log-ins, which bcrypt makes slow on purpose. */
export async function seatsOf(people: readonly Person[], secret: string): Promise<Seat[]> {
  const tokens = createAccessTokens(await importSigningKeys(secret), TOKEN_MS);
  return Promise.all(
    people.map(async (person) => ({
      conversationId: person.conversationId,
      token: (await tokens.issue(person)).token,
    })),
  );
}
