import { join } from 'node:path';
import { createEncryptedClient, type EncryptedClient } from '../client/index.ts';
import { openFileStore } from '../client/node/file-store.ts';
import { openNodeSocket } from '../client/node/socket.ts';
import { createAccessTokens } from '../server/accounts/access-token.ts';
import { generateSigningKey, importSigningKeys } from '../server/accounts/signing-keys.ts';
import { timed } from './measure/timed.ts';
import { type Person, provision } from './provision.ts';
import type { SdkRow } from './report/sdk.ts';
import { TEXT } from './sdk-crypto.ts';
import type { BenchPostgres } from './services/postgres.ts';
import { startServerProcess } from './services/server-process.ts';

const HOURS_MS = 6 * 3_600_000;
const PATIENCE_MS = 300_000;

interface Options {
  readonly postgres: BenchPostgres;
  /** Where the stores are put. */
  readonly folder: string;
  readonly messages: number;
  /** With as many people: in one conversation a message waits for the answer to the one before it. */
  readonly conversations: number;
}

/** One device with a file store and a real server: how fast its messages get into the log, and how fast it catches up. */
export async function measureClient({ postgres, folder, messages, conversations }: Options): Promise<SdkRow[]> {
  const { url: databaseUrl, sql } = await postgres.database();
  const { secret } = await generateSigningKey();
  await using server = await startServerProcess({ databaseUrl, secretKey: secret, requireMls: true });
  const url = `http://127.0.0.1:${server.port}`;
  const tokens = createAccessTokens(await importSigningKeys(secret), HOURS_MS);
  const people = await provision(sql, 2 * Math.ceil((conversations + 1) / 2));
  const opened = new Map<Person, EncryptedClient>();

  /** Somebody's device, as a program that was logged in once and is started again. */
  async function device(person: Person, seen: () => void = () => undefined): Promise<EncryptedClient> {
    const store = await openFileStore(join(folder, person.username));
    const accessTokenExpiresAt = new Date(Date.now() + HOURS_MS).toISOString();
    const { token: accessToken } = await tokens.issue(person);
    const { userId, deviceId } = person;
    const session = { userId, deviceId, accessToken, accessTokenExpiresAt, refreshToken: 'none' };
    await store.write([{ key: 'session', value: session }]);
    const client = createEncryptedClient({ url, store, openSocket: openNodeSocket });
    opened.set(person, client);
    client.receive(({ content, failure }) => {
      if (failure !== undefined) throw new Error(failure.message);
      if (content?.type === 'text') seen();
    });
    await client.start();
    return client;
  }
  const close = async (person: Person) => {
    await opened.get(person)?.close();
    opened.delete(person);
  };

  try {
    const [me, ...others] = people.slice(0, conversations + 1);
    if (me === undefined) throw new Error('nobody is there');
    let greeted = 0;
    const friends = await Promise.all(others.map((person) => device(person, () => (greeted += 1))));
    let own = await device(me);
    for (const client of [own, ...friends]) await until(() => client.encryption.status === 'ready');
    const ids: string[] = [];
    for (const { userId } of others) {
      const { conversation } = await own.request('conversation.open', { userId });
      ids.push(conversation.id);
      await own.send(conversation.id, { type: 'text', text: 'hello' });
    }
    await until(() => greeted === 2 * ids.length || greeted === ids.length);
    for (const [i, client] of friends.entries()) {
      await client.request('conversation.accept', { conversationId: ids[i] ?? '' });
      await client.send(ids[i] ?? '', { type: 'text', text: 'hello' });
    }
    await until(() => friends.every((client, i) => client.outgoing(ids[i] ?? '').length === 0));

    // The others are away: this device has the processor for itself, but for server and database.
    for (const person of others) await close(person);
    const each = Math.ceil(messages / ids.length);
    const sent = await timed('encrypt, as a client of a server', each * ids.length, async () => {
      await Promise.all(ids.map((id) => sendAll(own, id, each)));
      await until(() => ids.every((id) => own.outgoing(id).length === 0));
    });

    await close(me);
    for (const [i, person] of others.entries()) {
      const client = await device(person);
      await client.ready(PATIENCE_MS);
      await sendAll(client, ids[i] ?? '', each);
      await until(() => client.outgoing(ids[i] ?? '').length === 0);
      await close(person);
    }
    let received = 0;
    const got = await timed('decrypt, as a client of a server', each * ids.length, async () => {
      own = await device(me, () => (received += 1));
      await until(() => received >= each * ids.length);
    });
    return [sent.row, got.row];
  } finally {
    for (const person of [...opened.keys()]) await close(person);
  }
}

async function sendAll(client: EncryptedClient, id: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await client.send(id, { type: 'text', text: TEXT });
}

async function until(done: () => boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!done()) {
    if (performance.now() > deadline) throw new Error('time ran out');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
