import assert from 'node:assert/strict';
import fc from 'fast-check';
import * as mls from 'ts-mls';
import { groupIdBytes, leafIdentityBytes } from '../../protocol/identity.ts';
import { MlsError, type MlsReason } from './mls-error.ts';

/** Real MLS objects for the tests of this folder. Only tests import this file: the server itself has no MLS library. */

export const suiteImpl = await mls.getCiphersuiteImpl(
  mls.getCiphersuiteFromName('MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'),
);
/** The library compares lifetimes with the real clock, so there is no fixed time to test at. */
export const now = Math.floor(Date.now() / 1000) * 1000;
const seconds = BigInt(now / 1000);
const lifetime = { notBefore: seconds - 86_400n, notAfter: seconds + 89n * 86_400n };
export const conversationId = '0193aaaa-0000-7000-8000-000000000001';
export const lastResort: mls.Extension = { extensionType: 10, extensionData: new Uint8Array() };

const clientConfig: mls.ClientConfig = {
  keyRetentionConfig: mls.defaultKeyRetentionConfig,
  lifetimeConfig: { maximumTotalLifetime: 100n * 86_400n, validateLifetimeOnReceive: false },
  keyPackageEqualityConfig: mls.defaultKeyPackageEqualityConfig,
  paddingConfig: mls.defaultPaddingConfig,
  authService: { validateCredential: async () => true },
};

export type Device = {
  readonly userId: string;
  readonly deviceId: string;
  readonly keys: { readonly signKey: Uint8Array; readonly publicKey: Uint8Array };
};

/** A device of its own user, told apart by a number. */
export async function makeDevice(number: number): Promise<Device> {
  const tail = number.toString(16).padStart(12, '0');
  const keys = await suiteImpl.signature.keygen();
  return { userId: `0193bbbb-0000-7000-8000-${tail}`, deviceId: `0193cccc-0000-7000-8000-${tail}`, keys };
}

export type Pack = { readonly publicPackage: mls.KeyPackage; readonly privatePackage: mls.PrivateKeyPackage };

export type PackOptions = {
  readonly lifetime?: mls.Lifetime;
  readonly extensions?: mls.Extension[];
  readonly leafExtensions?: mls.Extension[];
  readonly capabilities?: Partial<mls.Capabilities>;
  readonly credential?: mls.Credential;
  readonly suite?: mls.CiphersuiteImpl;
};

export function makePack(device: Device, options: PackOptions = {}): Promise<Pack> {
  const credential: mls.Credential = options.credential ?? {
    credentialType: 'basic',
    identity: leafIdentityBytes(device.userId, device.deviceId),
  };
  const capabilities = { ...mls.defaultCapabilities(), ...options.capabilities };
  const suite = options.suite ?? suiteImpl;
  const { extensions = [], leafExtensions = [] } = options;
  const span = options.lifetime ?? lifetime;
  return mls.generateKeyPackageWithKey(credential, capabilities, span, extensions, device.keys, suite, leafExtensions);
}

export function encodePack(publicPackage: mls.KeyPackage): Buffer {
  return encode({ keyPackage: publicPackage, wireformat: 'mls_key_package', version: 'mls10' });
}

export function encode(message: mls.MLSMessage): Buffer {
  return Buffer.from(mls.encodeMlsMessage(message));
}

export async function makeGroup(
  device: Device,
  generation = 0,
  conversation = conversationId,
): Promise<mls.ClientState> {
  const { publicPackage, privatePackage } = await makePack(device);
  const groupId = groupIdBytes(conversation, generation);
  return mls.createGroup(groupId, publicPackage, privatePackage, [], suiteImpl, clientConfig);
}

export const addOf = (pack: Pack): mls.Proposal => ({ proposalType: 'add', add: { keyPackage: pack.publicPackage } });
export const removeOf = (removed: number): mls.Proposal => ({ proposalType: 'remove', remove: { removed } });

/** A commit as its sender would post it, with the state that follows. */
export async function makeCommit(
  state: mls.ClientState,
  proposals: mls.Proposal[],
  options: mls.CreateCommitOptions = {},
) {
  const made = await mls.createCommit(
    { state, cipherSuite: suiteImpl },
    { wireAsPublicMessage: true, ratchetTreeExtension: true, extraProposals: proposals, ...options },
  );
  const { welcome } = made;
  return {
    commit: encode(made.commit),
    welcome: welcome && encode({ welcome, wireformat: 'mls_welcome', version: 'mls10' }),
    state: made.newState,
  };
}

export function join(welcome: Buffer, pack: Pack): Promise<mls.ClientState> {
  const decoded = mls.decodeMlsMessage(welcome, 0)?.[0];
  if (decoded?.wireformat !== 'mls_welcome') throw new TypeError('not a welcome');
  const { publicPackage, privatePackage } = pack;
  const { welcome: content } = decoded;
  return mls.joinGroup(
    content,
    publicPackage,
    privatePackage,
    mls.emptyPskIndex,
    suiteImpl,
    undefined,
    undefined,
    clientConfig,
  );
}

/** The state of a member after somebody else's commit. */
export async function follow(state: mls.ClientState, commit: Buffer): Promise<mls.ClientState> {
  const decoded = mls.decodeMlsMessage(commit, 0)?.[0];
  if (decoded?.wireformat !== 'mls_public_message') throw new TypeError('not a public message');
  return (await mls.processMessage(decoded, state, mls.emptyPskIndex, mls.acceptAll, suiteImpl)).newState;
}

export async function makeMessage(
  state: mls.ClientState,
  plaintext: Uint8Array,
  authenticatedData?: Uint8Array,
): Promise<Buffer> {
  const { privateMessage } = await mls.createApplicationMessage(state, plaintext, suiteImpl, authenticatedData);
  return encode({ privateMessage, wireformat: 'mls_private_message', version: 'mls10' });
}

/** Asserts that the call refuses its input, and why. */
export function refuses(reason: MlsReason, call: () => unknown): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof MlsError, `not an MlsError: ${String(error)}`);
    assert.equal(error.reason, reason);
    return true;
  });
}

/** Whether the call succeeds. Lets nothing but an MlsError pass for a refusal. */
export function accepts(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof MlsError) return false;
    throw error;
  }
}

/** Valid bytes, hurt: bits flipped, cut short, parts repeated, moved, replaced by noise or by greedy lengths. */
export function hurt(valid: Buffer): fc.Arbitrary<Buffer> {
  const at = fc.nat(valid.length - 1);
  const flip = fc.tuple(at, fc.integer({ min: 1, max: 255 })).map(([where, bits]) => {
    const copy = Buffer.from(valid);
    copy[where] = (copy[where] ?? 0) ^ bits;
    return copy;
  });
  const cut = at.map((end) => valid.subarray(0, end));
  const splice = fc.tuple(at, at, at).map(([from, to, where]) => {
    return Buffer.concat([
      valid.subarray(0, where),
      valid.subarray(Math.min(from, to), Math.max(from, to)),
      valid.subarray(where),
    ]);
  });
  const noise = fc.oneof(fc.uint8Array({ maxLength: 16 }), fc.constant(Uint8Array.of(0xbf, 0xff, 0xff, 0xff)));
  const replace = fc.tuple(at, noise).map(([where, bytes]) => {
    return Buffer.concat([valid.subarray(0, where), bytes, valid.subarray(where + bytes.length)]);
  });
  return fc.oneof(flip, cut, splice, replace);
}

/**
 * Runs a decoder over noise and over hurt copies of a valid object: whatever happens, it is an answer or an MlsError.
 */
export function fuzz(valid: Buffer, decode: (bytes: Buffer) => unknown, runs = 4000): void {
  const noise = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes));
  const opened = noise.map((bytes) => Buffer.concat([valid.subarray(0, 4), bytes]));
  fc.assert(
    fc.property(fc.oneof(noise, opened, hurt(valid), hurt(valid)), (bytes) => {
      accepts(() => decode(bytes));
    }),
    { numRuns: runs },
  );
}
