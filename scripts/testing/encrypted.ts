import type { TestContext } from 'node:test';
import {
  type ClientOptions,
  createEncryptedClient,
  type EncryptedClient,
  type Entry,
  memoryStore,
} from '../../client/index.ts';
import { openNodeSocket } from '../../client/node/socket.ts';
import { PASSWORD, patiently, type RunningServer, register, until } from './running-server.ts';

/** An encrypted device of a test, with everything its handler was given. */
export interface Phone {
  readonly client: EncryptedClient;
  readonly got: Entry[];
  /** Texts it received or sent, in the order of the log; `!` for what could not be read. */
  texts(): string[];
  readonly userId: string;
  readonly deviceId: string;
}

export function phoneOf(t: TestContext, { url }: RunningServer, options: Partial<ClientOptions> = {}): EncryptedClient {
  const client = createEncryptedClient({ url, store: memoryStore(), openSocket: openNodeSocket, ...options });
  t.after(() => client.close());
  return client;
}

/** Takes notes of what the handler gets, and starts. */
export async function start(client: EncryptedClient): Promise<Phone> {
  const got: Entry[] = [];
  client.receive((entry) => void got.push(entry));
  await client.start();
  await client.ready();
  const me = await client.whoAmI();
  return {
    client,
    got,
    texts: () => got.map(({ content, failure }) => (failure ? `! ${failure.message}` : String(content?.text))),
    userId: me?.userId ?? '',
    deviceId: me?.deviceId ?? '',
  };
}

export const words = (text: string) => ({ type: 'text' as const, text });
export const clients = (...phones: Phone[]): EncryptedClient[] => phones.map(({ client }) => client);
export const has = (text: string, ...phones: Phone[]): Promise<void> =>
  until(clients(...phones), () => phones.every((phone) => phone.texts().includes(text)), `everyone reads "${text}"`);

/** Resolves once the device is in the conversation's group, and all these devices see it there. */
export async function joined(id: string, device: Phone, ...others: Phone[]): Promise<void> {
  for (const { client } of [device, ...others]) {
    for (let is = false; !is; ) {
      is = (await client.encryption.group(id)).devices.some(({ deviceId }) => deviceId === device.deviceId);
      // The next turn of the conversation.
      if (!is) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Two people's first words. */
export async function meet(one: Phone, other: Phone): Promise<string> {
  const { conversation } = await one.client.request('conversation.open', { userId: other.userId });
  await one.client.send(conversation.id, words('hello'));
  await has('hello', one, other);
  await other.client.request('conversation.accept', { conversationId: conversation.id });
  return conversation.id;
}

/** One person compares the safety number with the other, and it is the same. */
export async function verify(one: Phone, { userId }: Phone): Promise<void> {
  const identities = one.client.encryption.identities();
  await identities.setVerified(userId, await identities.safetyNumber(userId));
}

/** One person goes on with the new identity that the other has now. */
export async function acceptIdentity(one: Phone, userId: string): Promise<void> {
  const identities = one.client.encryption.identities();
  await identities.accept(userId, await identities.safetyNumber(userId));
}

const standing = (phone: Phone): Promise<void> =>
  until([phone.client], () => phone.client.encryption.status === 'ready', 'its keys are registered');

/** A person's first device, set up. */
export async function firstPhone(
  t: TestContext,
  server: RunningServer,
  username: string,
  options: Partial<ClientOptions> = {},
): Promise<Phone> {
  const client = phoneOf(t, server, options);
  await register(client, server, username);
  const phone = await start(client);
  await standing(phone);
  return phone;
}

/** One more device of the same person, linked by the primary one. */
export async function linkPhone(
  t: TestContext,
  server: RunningServer,
  username: string,
  primary: Phone,
  options: Partial<ClientOptions> = {},
): Promise<Phone> {
  const client = phoneOf(t, server, options);
  await patiently(() => client.login({ login: username, password: PASSWORD, deviceName: 'another' }));
  const phone = await start(client);
  await link(phone, primary);
  return phone;
}

/** The primary device vouches for one that is logged in and has no keys of the account. */
export async function link(phone: Phone, primary: Phone): Promise<void> {
  const { client } = phone;
  await until([client], () => client.encryption.status === 'unlinked', 'it knows that it has to be linked');
  const { text } = await client.encryption.linking().offer();
  let shown: string | undefined;
  client.encryption.on('link', ({ code }) => (shown = code));
  const { code } = await primary.client.encryption.linking().accept(text);
  await until([client], () => shown !== undefined, 'the answer has come');
  if (shown !== code) throw new Error('the two devices show different digits');
  await client.encryption.linking().confirm();
  await standing(phone);
}
