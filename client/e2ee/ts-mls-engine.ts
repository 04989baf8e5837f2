import {
  type CiphersuiteImpl,
  type ClientConfig,
  type ClientState,
  createApplicationMessage,
  createCommit,
  createGroup,
  decodeGroupState,
  defaultKeyPackageEqualityConfig,
  emptyPskIndex,
  encodeGroupState,
  encodeMlsMessage,
  generateKeyPackageWithKey,
  joinGroup,
  type MlsPrivateMessage,
  type Proposal,
  processMessage,
} from 'ts-mls';
import { makeKeyPackageRef } from 'ts-mls/keyPackage.js';
import { unprotectPrivateMessage } from 'ts-mls/messageProtection.js';
import { leafIdentityBytes } from '../../protocol/identity.ts';
import { equalBytes, own } from './bytes.ts';
import type {
  AcceptLeaf,
  Change,
  CommitCandidate,
  DeviceSigner,
  E2eeEngine,
  Encrypted,
  GroupState,
  KeyPackageBundle,
  Member,
  Processed,
  SavedState,
} from './engine.ts';
import { E2eeError } from './error.ts';
import { fastSuite } from './ts-mls-crypto.ts';
import { assertPatched } from './ts-mls-patched.ts';
import { decodePrivatePackage, encodePrivatePackage } from './ts-mls-private-package.ts';
import {
  allowedCommit,
  assertKeyPackage,
  decodeMessage,
  leafIdentity,
  lifetimeNow,
  messageHeader,
  ownCapabilities,
  refusal,
  toEpoch,
} from './ts-mls-rules.ts';

const engineName = 'ts-mls';
const stateVersion = 1;
const lastResortExtension = { extensionType: 0x000a, extensionData: new Uint8Array() };

/** Throws at start if the library is not the patched one. `acceptLeaf` judges every leaf of every group. */
export async function createTsMlsEngine(acceptLeaf: AcceptLeaf): Promise<E2eeEngine> {
  const suite = await fastSuite();
  await assertPatched(suite);
  return tsMlsEngine(suite, acceptLeaf);
}

function tsMlsEngine(suite: CiphersuiteImpl, acceptLeaf: AcceptLeaf): E2eeEngine {
  const states = new WeakMap<GroupState, ClientState>();
  const config: ClientConfig = {
    authService: {
      validateCredential: async (credential, signatureKey) => {
        const identity = leafIdentity(credential);
        if (identity && !(await acceptLeaf({ ...identity, signatureKey: own(signatureKey) }))) {
          const { userId, deviceId } = identity;
          throw new E2eeError('unvouched', `Nobody who is trusted vouches for device ${deviceId} of user ${userId}.`);
        }
        return identity !== undefined;
      },
    },
    keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
    keyRetentionConfig: { retainKeysForGenerations: 64, retainKeysForEpochs: 4, maximumForwardRatchetSteps: 1000 },
    // Enforced in ts-mls-rules.ts. Against the clock a package is checked by whoever adds it: a receiver may
    // process that commit, or join a group with a long silent member, months later.
    lifetimeConfig: { maximumTotalLifetime: 100n * 86_400n, validateLifetimeOnReceive: false },
    paddingConfig: { kind: 'padUntilLength', padUntilLength: 256 },
  };

  function wrap(mls: ClientState): GroupState {
    const state: GroupState = Object.freeze({
      groupId: mls.groupContext.groupId,
      epoch: toEpoch(mls.groupContext.epoch),
      status: mls.groupActiveState.kind === 'active' ? 'active' : 'removed',
    });
    states.set(state, mls);
    return state;
  }

  function open(state: GroupState): ClientState {
    const mls = states.get(state);
    if (!mls) throw new TypeError('this group state was made by another engine');
    return mls;
  }

  function openActive(state: GroupState): ClientState {
    if (state.status !== 'active') throw new E2eeError('not_a_member', 'This device was removed from the group.');
    return open(state);
  }

  const spent = (consumed: readonly Uint8Array[]) => ({
    erase: () => {
      for (const secret of consumed) secret.fill(0);
    },
  });

  async function keyPackage(device: DeviceSigner, lastResort: boolean) {
    return generateKeyPackageWithKey(
      { credentialType: 'basic', identity: leafIdentityBytes(device.userId, device.deviceId) },
      ownCapabilities,
      lifetimeNow(),
      lastResort ? [lastResortExtension] : [],
      { publicKey: device.publicKey, signKey: device.privateKey },
      suite,
    );
  }

  async function createKeyPackage(
    device: DeviceSigner,
    options: { lastResort?: boolean } = {},
  ): Promise<KeyPackageBundle> {
    const lastResort = options.lastResort ?? false;
    const { publicPackage, privatePackage } = await keyPackage(device, lastResort);
    return {
      ref: own(await makeKeyPackageRef(publicPackage, suite.hash)),
      message: own(encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage: publicPackage })),
      secret: encodePrivatePackage(privatePackage),
      lastResort,
      notAfter: assertKeyPackage(publicPackage),
    };
  }

  async function commit(state: GroupState, change: Change): Promise<CommitCandidate> {
    const mls = openActive(state);
    const adds: Proposal[] = (change.adds ?? []).map((bytes) => {
      const message = decodeMessage(bytes);
      if (message.wireformat !== 'mls_key_package') throw new E2eeError('malformed', 'Not a key package.');
      assertKeyPackage(message.keyPackage);
      return { proposalType: 'add', add: { keyPackage: message.keyPackage } };
    });
    const before = membersOf(mls);
    const leaves = (change.removes ?? []).map((deviceId) => {
      const member = before.find((candidate) => candidate.deviceId === deviceId);
      if (!member) throw new E2eeError('refused', `Device ${deviceId} is not in the group.`);
      return member.leafIndex;
    });
    const removes: Proposal[] = leaves.map((removed) => ({ proposalType: 'remove', remove: { removed } }));
    const made = await refusal(
      createCommit(
        { state: mls, cipherSuite: suite },
        { wireAsPublicMessage: true, ratchetTreeExtension: true, extraProposals: [...removes, ...adds] },
      ),
    );
    const welcome =
      made.welcome && encodeMlsMessage({ version: 'mls10', wireformat: 'mls_welcome', welcome: made.welcome });
    return {
      commit: own(encodeMlsMessage(made.commit)),
      ...(welcome ? { welcome: own(welcome) } : {}),
      state: wrap(made.newState),
      ...difference(before, membersOf(made.newState), leaves),
      ...spent(made.consumed),
    };
  }

  async function join(device: DeviceSigner, welcome: Uint8Array, packages: readonly KeyPackageBundle[]) {
    const message = decodeMessage(welcome);
    if (message.wireformat !== 'mls_welcome') throw new E2eeError('malformed', 'Not a welcome.');
    const refs = message.welcome.secrets.map((secret) => secret.newMember);
    const bundle = packages.find((candidate) => refs.some((ref) => equalBytes(ref, candidate.ref)));
    if (!bundle) throw new E2eeError('not_for_us', 'No key package of this device opens the welcome.');
    const published = decodeMessage(bundle.message);
    if (published.wireformat !== 'mls_key_package') throw new E2eeError('malformed', 'Not a key package.');
    const secret = decodePrivatePackage(bundle.secret, device.privateKey);
    const mls = await refusal(
      joinGroup(message.welcome, published.keyPackage, secret, emptyPskIndex, suite, undefined, undefined, config),
    );
    if (mls.groupContext.extensions.length > 0) {
      throw new E2eeError('refused', 'The group has extensions, which could let strangers act in it.');
    }
    return { state: wrap(mls), ref: bundle.ref };
  }

  async function encrypt(state: GroupState, plaintext: Uint8Array, authenticatedData: Uint8Array): Promise<Encrypted> {
    const made = await createApplicationMessage(openActive(state), plaintext, suite, authenticatedData);
    const { privateMessage } = made;
    return {
      message: own(encodeMlsMessage({ version: 'mls10', wireformat: 'mls_private_message', privateMessage })),
      state: wrap(made.newState),
      ...spent(made.consumed),
    };
  }

  async function process(state: GroupState, bytes: Uint8Array): Promise<Processed> {
    const mls = open(state);
    const header = messageHeader(bytes);
    if (header.kind !== 'application' && header.kind !== 'commit') {
      throw new E2eeError('malformed', 'Neither a message nor a commit.');
    }
    if (!equalBytes(header.groupId, state.groupId)) throw new E2eeError('wrong_group', 'For another group.');
    if (header.epoch > state.epoch) throw new E2eeError('future_epoch', 'A commit before this is missing.');
    const message = decodeMessage(bytes);
    if (message.wireformat === 'mls_private_message') return application(mls, message);
    if (message.wireformat !== 'mls_public_message') throw new E2eeError('malformed', 'Not a commit.');
    if (header.epoch < state.epoch) throw new E2eeError('past_epoch', 'A commit for an epoch that is over.');
    openActive(state);
    const { senderLeaf, removes } = allowedCommit(message.publicMessage);
    const before = membersOf(mls);
    const result = await refusal(processMessage(message, mls, emptyPskIndex, () => 'accept', suite));
    if (result.kind !== 'newState') throw new E2eeError('malformed', 'Not a commit.');
    const change = difference(before, membersOf(result.newState), removes);
    return {
      kind: 'commit',
      state: wrap(result.newState),
      sender: at(before, senderLeaf),
      ...change,
      ...spent(result.consumed),
    };
  }

  // What the library's processPrivateMessage does for application messages, plus the sender, which it does not tell.
  async function application(mls: ClientState, { privateMessage }: MlsPrivateMessage): Promise<Processed> {
    const past = privateMessage.epoch < mls.groupContext.epoch;
    const from = past ? mls.historicalReceiverData.get(privateMessage.epoch) : { ...mls, ...mls.keySchedule };
    if (!from) throw new E2eeError('past_epoch', 'The keys of that epoch are gone.');
    const { tree, content, consumed } = await refusal(
      unprotectPrivateMessage(
        from.senderDataSecret,
        privateMessage,
        from.secretTree,
        from.ratchetTree,
        from.groupContext,
        mls.clientConfig.keyRetentionConfig,
        suite,
      ),
    );
    const { content: framed } = content;
    if (framed.contentType !== 'application' || framed.sender.senderType !== 'member') {
      throw new E2eeError('malformed', 'Handshakes travel as public messages.');
    }
    const history = new Map(mls.historicalReceiverData);
    const epochData = history.get(privateMessage.epoch);
    if (past && epochData) history.set(privateMessage.epoch, { ...epochData, secretTree: tree });
    const next = past ? { ...mls, historicalReceiverData: history } : { ...mls, secretTree: tree };
    return {
      kind: 'application',
      state: wrap(next),
      sender: at(membersOf(from), framed.sender.leafIndex),
      epoch: toEpoch(privateMessage.epoch),
      plaintext: own(framed.applicationData),
      authenticatedData: own(privateMessage.authenticatedData),
      ...spent(consumed),
    };
  }

  function restore(saved: SavedState): GroupState {
    if (saved.engine !== engineName || saved.version !== stateVersion) {
      throw new E2eeError('malformed', `A group state of ${saved.engine} version ${saved.version} cannot be restored.`);
    }
    // A copy, because decoded fields alias the buffer and erase() would write into it.
    const buffer = own(saved.bytes);
    try {
      const decoded = decodeGroupState(buffer, 0);
      if (decoded && decoded[1] === buffer.length) return wrap({ ...decoded[0], clientConfig: config });
    } catch {
      // as bad as trailing bytes
    }
    throw new E2eeError('malformed', 'The group state is damaged.');
  }

  return {
    name: engineName,
    version: stateVersion,
    createKeyPackage,
    createGroup: async (device, groupId) => {
      const { publicPackage, privatePackage } = await keyPackage(device, false);
      return wrap(await createGroup(own(groupId), publicPackage, privatePackage, [], suite, config));
    },
    commit,
    join,
    encrypt,
    process,
    members: (state) => membersOf(open(state)),
    self: (state) => membersOf(open(state)).find(({ leafIndex }) => leafIndex === open(state).privatePath.leafIndex),
    epochAuthenticator: (state) => own(open(state).keySchedule.epochAuthenticator),
    inspect: messageHeader,
    save: (state) => ({ engine: engineName, version: stateVersion, bytes: own(encodeGroupState(open(state))) }),
    restore,
  };
}

function membersOf({ ratchetTree }: Pick<ClientState, 'ratchetTree'>): Member[] {
  const members: Member[] = [];
  ratchetTree.forEach((node, index) => {
    if (node?.nodeType !== 'leaf') return;
    const identity = leafIdentity(node.leaf.credential);
    // Unreachable: the auth service refuses such leaves. A ghost must not become invisible by being odd.
    if (!identity) throw new E2eeError('refused', 'A leaf of the group has no device identity.');
    members.push({ ...identity, leafIndex: index / 2, signatureKey: own(node.leaf.signaturePublicKey) });
  });
  return members;
}

function at(members: readonly Member[], leafIndex: number): Member {
  const member = members.find((candidate) => candidate.leafIndex === leafIndex);
  if (!member) throw new E2eeError('refused', 'The sender is not in the group.');
  return member;
}

const sameMember = (a: Member, b: Member): boolean =>
  a.deviceId === b.deviceId && a.userId === b.userId && equalBytes(a.signatureKey, b.signatureKey);

/** Who came and who went. A leaf that stays must stay the same device with the same key. */
function difference(before: readonly Member[], after: readonly Member[], removedLeaves: readonly number[]) {
  const removed = before.filter(({ leafIndex }) => removedLeaves.includes(leafIndex));
  const stayed = before.filter(({ leafIndex }) => !removedLeaves.includes(leafIndex));
  for (const member of stayed) {
    const now = after.find(({ leafIndex }) => leafIndex === member.leafIndex);
    if (!now || !sameMember(member, now)) throw new E2eeError('refused', 'A commit changed who sits at a leaf.');
  }
  const added = after.filter(({ leafIndex }) => !stayed.some((member) => member.leafIndex === leafIndex));
  return { added, removed };
}
