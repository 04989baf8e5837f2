import assert from 'node:assert/strict';
// What the tests of this folder share: people, devices, and forgeries that the engine itself refuses to make.
import { createCommit, decodeGroupState, encodeMlsMessage, generateKeyPackageWithKey } from 'ts-mls';
import { defaultClientConfig as defaultConfig } from 'ts-mls/clientConfig.js';
import { createContentCommitSignature } from 'ts-mls/framedContent.js';
import { protectPublicMessage } from 'ts-mls/messageProtectionPublic.js';
import { leafIdentityBytes } from '../../protocol/identity.ts';
import { equalBytes, fromUtf8, own } from './bytes.ts';
import { generateSigningKey } from './ed25519.ts';
import type { AcceptLeaf, DeviceSigner, E2eeEngine, GroupState, KeyPackageBundle } from './engine.ts';
import { E2eeError, type E2eeErrorCode } from './error.ts';
import { fastSuite } from './ts-mls-crypto.ts';
import { createTsMlsEngine } from './ts-mls-engine.ts';
import { ownCapabilities } from './ts-mls-rules.ts';

export const newUser = (): string => crypto.randomUUID();
export const text = fromUtf8;

/** For assert.rejects: the error has this code. Fails with both codes in the message otherwise. */
export const hasCode =
  (code: E2eeErrorCode) =>
  (error: unknown): true => {
    assert.ok(error instanceof E2eeError, `not an E2eeError: ${error}`);
    assert.equal(error.code, code, error.message);
    return true;
  };

export interface Device {
  readonly signer: DeviceSigner;
  readonly package: KeyPackageBundle;
  state: GroupState | undefined;
  now(): GroupState;
}

export async function newDevice(
  engine: E2eeEngine,
  userId: string,
  deviceId: string = crypto.randomUUID(),
): Promise<Device> {
  const signer = { userId, deviceId, ...(await generateSigningKey()) };
  const device: Device = {
    signer,
    package: await engine.createKeyPackage(signer),
    state: undefined,
    now: () => {
      assert.ok(device.state, 'in a group');
      return device.state;
    },
  };
  return device;
}

/** An engine that accepts exactly the devices it was told to. */
export async function testEngine() {
  const known = new Map<string, Uint8Array>();
  const accept: AcceptLeaf = ({ deviceId, signatureKey }) =>
    equalBytes(known.get(deviceId) ?? new Uint8Array(), signatureKey);
  return {
    engine: await createTsMlsEngine(accept),
    allow: ({ signer }: Device) => void known.set(signer.deviceId, signer.publicKey),
    refuse: ({ signer }: Device) => void known.delete(signer.deviceId),
  };
}

export const savedState = (bytes: Uint8Array) => {
  const decoded = decodeGroupState(own(bytes), 0);
  if (!decoded) throw new Error('not a group state');
  return decoded[0];
};

/** A commit that removes `victim` with a valid signature and membership tag, but no UpdatePath. */
export async function pathlessRemove(engine: E2eeEngine, by: Device, victim: Device): Promise<Uint8Array> {
  const suite = await fastSuite();
  const state = savedState(engine.save(by.now()).bytes);
  const leaf = engine.members(by.now()).find(({ deviceId }) => deviceId === victim.signer.deviceId);
  if (!leaf) throw new Error('the victim is not in the group');
  const { signature, framedContent } = await createContentCommitSignature(
    state.groupContext,
    'mls_public_message',
    {
      proposals: [
        { proposalOrRefType: 'proposal', proposal: { proposalType: 'remove', remove: { removed: leaf.leafIndex } } },
      ],
      path: undefined,
    },
    { senderType: 'member', leafIndex: state.privatePath.leafIndex },
    new Uint8Array(),
    state.signaturePrivateKey,
    suite.signature,
  );
  const auth = { contentType: 'commit', signature, confirmationTag: new Uint8Array(32) } as const;
  const content = { wireformat: 'mls_public_message', content: framedContent, auth } as const;
  const publicMessage = await protectPublicMessage(state.keySchedule.membershipKey, state.groupContext, content, suite);
  return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_public_message', publicMessage });
}

/** A renewing commit in which the committer's leaf comes with another signature key, signed properly by both keys. */
export async function leafSwap(engine: E2eeEngine, by: Device, other: DeviceSigner): Promise<Uint8Array> {
  const suite = await fastSuite();
  const state = savedState(engine.save(by.now()).bytes);
  const config = { ...defaultConfig, authService: { validateCredential: async () => true } };
  const ratchetTree = state.ratchetTree.map((node, index) =>
    index === 2 * state.privatePath.leafIndex && node?.nodeType === 'leaf'
      ? { ...node, leaf: { ...node.leaf, signaturePublicKey: other.publicKey } }
      : node,
  );
  const sign = (key: Uint8Array, message: Uint8Array) =>
    suite.signature.sign(Buffer.from(message).includes('LeafNodeTBS') ? other.privateKey : key, message);
  const { commit } = await createCommit(
    {
      state: { ...state, ratchetTree, clientConfig: config },
      cipherSuite: { ...suite, signature: { ...suite.signature, sign } },
    },
    { wireAsPublicMessage: true },
  );
  return encodeMlsMessage(commit);
}

/** A properly signed key package that lives for a thousand days. */
export async function immortalPackage({ signer }: Device): Promise<Uint8Array> {
  const now = BigInt(Math.floor(Date.now() / 1000));
  const { publicPackage } = await generateKeyPackageWithKey(
    { credentialType: 'basic', identity: leafIdentityBytes(signer.userId, signer.deviceId) },
    ownCapabilities,
    { notBefore: now - 60n, notAfter: now + 1000n * 86_400n },
    [],
    { publicKey: signer.publicKey, signKey: signer.privateKey },
    await fastSuite(),
  );
  return encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage: publicPackage });
}
