import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import type * as mls from 'ts-mls';
import { accountKeyBytes, deviceBytes, groupIdBytes, revokeBytes } from '../../protocol/identity.ts';
import type { Reply, RequestInput } from '../../protocol/index.ts';
import {
  addOf,
  type Device,
  encodePack,
  follow,
  join,
  lastResort,
  makeCommit,
  makeGroup,
  makeMessage,
  makePack,
  type Pack,
  removeOf,
  suiteImpl,
} from '../mls/testing.ts';
import type { Identity } from '../store/store.ts';
import type { TestDatabase } from './database.ts';
import type { startMessaging, TestClient } from './messaging.ts';
import { addDevice, addPerson } from './people.ts';

/** Devices with real keys and real MLS groups, each on a connection, for tests of encryption on the server. */

export type Server = ReturnType<typeof startMessaging>;
type CommitBody = RequestInput<'commit.send'>;

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
const bytes = (base64url: string): Buffer => Buffer.from(base64url, 'base64url');

export interface AccountKey {
  readonly key: Buffer;
  sign(content: Uint8Array): Buffer;
}

export function newAccountKey(): AccountKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    key: bytes(publicKey.export({ format: 'jwk' }).x ?? ''),
    sign: (content) => sign(null, content, privateKey),
  };
}

/** The body of `keys.register`; `from` is the chain's head and the key that signs the next one. */
export function registration(
  device: Device,
  account: AccountKey,
  from?: { signer: AccountKey; version: number; hash: string },
): RequestInput<'keys.register'> {
  const { userId, deviceId, keys } = device;
  const next = from && { userId, version: from.version + 1, key: account.key };
  return {
    accountKey: text(account.key),
    ...(from && next && { accountKeySig: text(from.signer.sign(accountKeyBytes(bytes(from.hash), next))) }),
    deviceKey: text(keys.publicKey),
    crossSig: text(account.sign(deviceBytes(userId, deviceId, keys.publicKey))),
  };
}

/** A commit as its sender would send it, and the state it leads to. */
export interface Candidate {
  readonly body: CommitBody;
  readonly state: mls.ClientState;
}

export class Phone {
  readonly identity: Identity;
  readonly device: Device;
  readonly account: AccountKey;
  readonly client: TestClient;
  state: mls.ClientState | undefined;
  /** Its packages by their published text. */
  readonly #packs = new Map<string, Pack>();

  constructor(identity: Identity, device: Device, account: AccountKey, client: TestClient) {
    this.identity = identity;
    this.device = device;
    this.account = account;
    this.client = client;
  }

  async publish(count: number, options: { lastResort?: boolean } = {}): Promise<Reply<'keys.publish'>> {
    const packages = await Promise.all(Array.from({ length: count }, () => this.pack()));
    const last = options.lastResort === true ? await this.pack({ extensions: [lastResort] }) : undefined;
    return this.client.request('keys.publish', { packages, ...(last !== undefined && { lastResort: last }) });
  }

  async pack(options: Parameters<typeof makePack>[1] = {}): Promise<string> {
    const pack = await makePack(this.device, options);
    const published = text(encodePack(pack.publicPackage));
    this.#packs.set(published, pack);
    return published;
  }

  group(): mls.ClientState {
    assert.ok(this.state, 'the phone is in no group');
    return this.state;
  }

  claim(conversationId: string, deviceIds?: string[], reset = false): Promise<Reply<'keys.claim'>> {
    return this.client.request('keys.claim', {
      conversationId,
      ...(deviceIds && { deviceIds }),
      ...(reset && { reset }),
    });
  }

  /** Prepares a commit in its own group; `from` gives the packs of the claimed packages. */
  async prepare(
    conversationId: string,
    change: {
      baseEpoch: number;
      add?: readonly [Phone, Reply<'keys.claim'>['packages'][number]][];
      remove?: readonly [string, number][];
    },
    state = this.group(),
  ): Promise<Candidate> {
    const { add = [], remove = [], baseEpoch } = change;
    const adds = add.map(([phone, claimed]) => addOf(phone.packOf(claimed.package)));
    const made = await makeCommit(state, [...remove.map(([, leaf]) => removeOf(leaf)), ...adds]);
    return {
      state: made.state,
      body: {
        conversationId,
        clientId: randomUUID(),
        baseEpoch,
        groupId: text(state.groupContext.groupId),
        commit: text(made.commit),
        adds: add.map(([, { deviceId, ref }]) => ({ deviceId, ref })),
        removes: remove.map(([deviceId]) => deviceId),
        ...(made.welcome && { welcome: text(made.welcome) }),
      },
    };
  }

  async newGroup(conversationId: string, generation = 0): Promise<mls.ClientState> {
    return makeGroup(this.device, generation, conversationId);
  }

  /** Sends it, and goes on from there. */
  async commit(candidate: Candidate): Promise<Reply<'commit.send'>> {
    const reply = await this.client.request('commit.send', candidate.body);
    this.state = candidate.state;
    return reply;
  }

  async follow(commit: string): Promise<void> {
    this.state = await follow(this.group(), bytes(commit));
  }

  async join(welcome: string, published: string): Promise<void> {
    this.state = await join(bytes(welcome), this.packOf(published));
  }

  async message(epoch: number, conversationId: string, state = this.group()): Promise<RequestInput<'message.send'>> {
    return { conversationId, clientId: randomUUID(), epoch, mls: text(await makeMessage(state, Buffer.from('hello'))) };
  }

  packOf(published: string): Pack {
    const pack = this.#packs.get(published);
    assert.ok(pack, 'not a package of this phone');
    return pack;
  }

  revocationOf(deviceId: string): string {
    return text(this.account.sign(revokeBytes(this.identity.userId, deviceId)));
  }
}

/** A device with registered keys on a connection: of a new person, or one more of `owner`'s. */
export async function addPhone(db: TestDatabase, server: Server, owner?: Phone): Promise<Phone> {
  const identity = owner === undefined ? await addPerson(db.sql) : await addDevice(db.sql, owner.identity.userId);
  const device = { userId: identity.userId, deviceId: identity.deviceId, keys: await suiteImpl.signature.keygen() };
  const account = owner?.account ?? newAccountKey();
  const phone = new Phone(identity, device, account, await server.connect(identity));
  await phone.client.request('keys.register', registration(device, account));
  return phone;
}

/** Two people with a phone each, in one conversation and one group at epoch 1. */
export async function encryptedPair(db: TestDatabase, server: Server) {
  const [ada, bob] = await Promise.all([addPhone(db, server), addPhone(db, server)]);
  await bob.publish(3, { lastResort: true });
  const { conversation } = await ada.client.request('conversation.open', { userId: bob.identity.userId });
  const conversationId = conversation.id;
  const first = await ada.newGroup(conversationId);
  const { packages } = await ada.claim(conversationId);
  const candidate = await ada.prepare(
    conversationId,
    { baseEpoch: 0, add: packages.map((claimed) => [bob, claimed]) },
    first,
  );
  const reply = await ada.commit(candidate);
  const welcome = await bob.client.event('welcome.new');
  await bob.join(welcome.welcome, packages[0]?.package ?? '');
  return { ada, bob, conversationId, groupId: groupIdBytes(conversationId, 0), first: candidate, reply, welcome };
}
