import {
  type Capabilities,
  type Credential,
  decodeMlsMessage,
  type KeyPackage,
  type Lifetime,
  type MLSMessage,
  type PublicMessage,
} from 'ts-mls';
import { parseLeafIdentity } from '../../protocol/identity.ts';
import { fromUtf8, own } from './bytes.ts';
import type { Claimed, MessageHeader } from './engine.ts';
import { E2eeError } from './error.ts';
import { suiteName } from './ts-mls-crypto.ts';

const day = 86_400n;
const maxLifetime = 100n * day;

/** `x509` is listed because other implementations refuse groups in which a leaf does not know it. */
export const ownCapabilities: Capabilities = {
  versions: ['mls10'],
  ciphersuites: [suiteName],
  extensions: [0x000a],
  proposals: [],
  credentials: ['basic', 'x509'],
};

/** 90 days, begun yesterday so that a slow clock elsewhere does not refuse a fresh package. */
export function lifetimeNow(): Lifetime {
  const now = BigInt(Math.floor(Date.now() / 1000));
  return { notBefore: now - day, notAfter: now + 90n * day };
}

/** `userId:deviceId` as a basic credential, or undefined for everything else. */
export function leafIdentity(credential: Credential): { userId: string; deviceId: string } | undefined {
  if (credential.credentialType !== 'basic') return undefined;
  try {
    return parseLeafIdentity(fromUtf8(credential.identity));
  } catch {
    return undefined; // not UTF-8, so not an identity
  }
}

/** Suite and lifetime of a package that is about to be published or added; returns its end in seconds. */
export function assertKeyPackage({ cipherSuite, leafNode }: KeyPackage): number {
  if (cipherSuite !== suiteName) throw new E2eeError('refused', 'A key package of another cipher suite.');
  const { notBefore, notAfter } = leafNode.lifetime;
  if (notAfter - notBefore > maxLifetime) throw new E2eeError('refused', 'A key package that lives too long.');
  return Number(notAfter);
}

export function toEpoch(epoch: bigint): number {
  if (epoch > BigInt(Number.MAX_SAFE_INTEGER)) throw new E2eeError('malformed', 'An impossible epoch.');
  return Number(epoch);
}

export function decodeMessage(bytes: Uint8Array): MLSMessage {
  let decoded: [MLSMessage, number] | undefined;
  try {
    // Copied, because decoded fields alias the buffer and would change with it.
    decoded = decodeMlsMessage(own(bytes), 0);
  } catch (cause) {
    throw new E2eeError('malformed', 'Not an MLS message.', { cause });
  }
  if (!decoded || decoded[1] !== bytes.length) throw new E2eeError('malformed', 'Not exactly one MLS message.');
  return decoded[0];
}

export function messageHeader(bytes: Uint8Array): MessageHeader {
  const message = decodeMessage(bytes);
  if (message.wireformat === 'mls_private_message') {
    const { groupId, epoch, contentType, authenticatedData } = message.privateMessage;
    if (contentType !== 'application') throw new E2eeError('malformed', 'Handshakes travel as public messages.');
    return {
      kind: 'application',
      groupId: own(groupId),
      epoch: toEpoch(epoch),
      authenticatedData: own(authenticatedData),
    };
  }
  if (message.wireformat === 'mls_public_message') {
    const { groupId, epoch } = message.publicMessage.content;
    return { kind: 'commit', groupId: own(groupId), epoch: toEpoch(epoch), ...allowedCommit(message.publicMessage) };
  }
  if (message.wireformat === 'mls_welcome') {
    return { kind: 'welcome', refs: message.welcome.secrets.map(({ newMember }) => own(newMember)) };
  }
  if (message.wireformat === 'mls_key_package') return { kind: 'key_package', ...claimed(message.keyPackage) };
  throw new E2eeError('malformed', 'A kind of MLS message that is not used.');
}

function claimed({ leafNode }: KeyPackage): Claimed {
  const identity = leafIdentity(leafNode.credential);
  if (!identity) throw new E2eeError('malformed', 'A key package without a device identity.');
  return { ...identity, signatureKey: own(leafNode.signaturePublicKey) };
}

/** Only what the server takes too: by a member, Add and Remove by value, or empty with a path. */
export function allowedCommit({ content }: PublicMessage): { senderLeaf: number; adds: Claimed[]; removes: number[] } {
  if (content.contentType !== 'commit') throw new E2eeError('refused', 'Only commits travel as public messages.');
  if (content.sender.senderType !== 'member') throw new E2eeError('refused', 'Only members commit.');
  const { proposals, path } = content.commit;
  const adds: Claimed[] = [];
  const removes: number[] = [];
  for (const item of proposals) {
    const proposal = item.proposalOrRefType === 'proposal' ? item.proposal : undefined;
    if (proposal?.proposalType === 'add') {
      assertKeyPackage(proposal.add.keyPackage);
      adds.push(claimed(proposal.add.keyPackage));
    } else if (proposal?.proposalType === 'remove') {
      removes.push(proposal.remove.removed);
    } else {
      throw new E2eeError('refused', 'A commit holds Add and Remove by value, nothing else.');
    }
  }
  if (proposals.length === 0 && !path) throw new E2eeError('refused', 'An empty commit renews keys.');
  return { senderLeaf: content.sender.leafIndex, adds, removes };
}

/** Turns the library's failures into ours. By message, because its class names do not survive minification. */
export async function refusal<T>(step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    if (cause instanceof E2eeError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    if (message.startsWith('Desired gen in the past'))
      throw new E2eeError('replayed', 'Its key was used already.', { cause });
    const code =
      /credential|Update path|Cannot|Commit cannot|not unique|Lifetime|too far in the future|unmerged|Added leaf|removed/i.test(
        message,
      )
        ? 'refused'
        : 'undecryptable';
    throw new E2eeError(code, `The group library refused: ${message}`, { cause });
  }
}
