import { sha256 } from '@noble/hashes/sha2.js';
import { uuidBytes } from '../../protocol/identity.ts';
import { type Bytes, compareBytes, concat, equalBytes, own, randomBytes, uint32, utf8 } from './bytes.ts';
import { type Content, contentKinds, decodeContent, encodeContent, type Unsupported } from './content.ts';
import type { E2eeEngine, GroupState, Member, Spent } from './engine.ts';
import { E2eeError } from './error.ts';
import { takeContentKey, unwrapContentKey, type Wrap } from './history-key.ts';
import type { KeyRing, RingKey } from './key-ring.ts';
import { openOnce, sealOnce } from './one-time-aead.ts';

/** Blind search tags: `search` of `message.send`. */
export interface SearchTags {
  readonly v: number;
  /** 8 bytes each. */
  readonly tags: readonly Bytes[];
}

/** Everything of a `message.send` that encryption makes, still as bytes. */
export interface Envelope {
  readonly epoch: number;
  readonly mls: Bytes;
  readonly content: Bytes;
  readonly wrap?: Wrap;
  readonly search?: SearchTags;
}

export interface MessageToSeal {
  readonly conversationId: string;
  readonly clientId: string;
  readonly content: Content;
  /** The conversation's current history key; without it (strict mode) nobody reads the message from the archive. */
  readonly historyKey?: RingKey | undefined;
  readonly search?: SearchTags | undefined;
  /** The head of the sender's own account key chain, for contacts to compare with what the server tells them. */
  readonly accountHead?: Uint8Array | undefined;
}

/** What the server hands over for one message. `search` only where the caller happens to have it. */
export interface ReceivedMessage {
  readonly conversationId: string;
  readonly clientId: string;
  readonly senderId: string;
  readonly senderDeviceId: string;
  readonly mls: Uint8Array;
  readonly content?: Uint8Array | undefined;
  readonly wrap?: { readonly v: number; readonly ct: Uint8Array } | undefined;
  readonly search?: SearchTags | undefined;
}

export interface OpenedMessage extends Spent {
  readonly content: Content | Unsupported;
  readonly sender: Member;
  /** Of the group, as the message itself says. */
  readonly epoch: number;
  readonly state: GroupState;
  readonly accountHead?: Bytes;
}

const innerVersion = 1;
const hashOf = (...parts: Uint8Array[]): Bytes => own(sha256(concat(...parts)));
const hashOfSearch = (search: SearchTags | undefined): Bytes =>
  search ? hashOf(...[...search.tags].sort(compareBytes), uint32(search.v)) : hashOf();
const hashOfWrap = (wrap: { v: number; ct: Uint8Array } | undefined): Bytes =>
  wrap ? hashOf(uint32(wrap.v), wrap.ct) : hashOf();

const searchHashAt = 12 + 16 + 16;

/**
 * What binds the parts of an envelope together, 140 bytes: "sotto-aad-v1" ‖ conversation ‖ client id ‖
 * SHA-256(sorted tags ‖ key version) ‖ SHA-256(content) ‖ SHA-256(wrap version ‖ wrap). An absent part counts as the
 * hash of nothing. Versions are 4 bytes, big-endian.
 */
export function authenticatedData(
  message: Pick<ReceivedMessage, 'conversationId' | 'clientId' | 'content' | 'wrap' | 'search'>,
): Bytes {
  return concat(
    utf8('sotto-aad-v1'),
    uuidBytes(message.conversationId),
    uuidBytes(message.clientId),
    hashOfSearch(message.search),
    hashOf(message.content ?? new Uint8Array()),
    hashOfWrap(message.wrap),
  );
}

/** Bound to its place and author, because an archived content is read without the MLS message around it. */
const contentData = (conversationId: string, clientId: string, deviceId: string): Bytes =>
  concat(utf8('sotto-content-v1'), uuidBytes(conversationId), uuidBytes(clientId), uuidBytes(deviceId));

/**
 * Encrypts one message. Store `engine.save(state)` and the plaintext in one transaction, then send, then `erase()`.
 * After a definite refusal (stale epoch) seal again: a content key is never used twice.
 */
export async function sealMessage(
  engine: E2eeEngine,
  state: GroupState,
  message: MessageToSeal,
): Promise<Spent & { envelope: Envelope; state: GroupState }> {
  const { conversationId, clientId, historyKey, search, accountHead } = message;
  const self = engine.self(state);
  if (!self) throw new E2eeError('not_a_member', 'This device is not in the group.');
  const { contentKey, wrap } = historyKey
    ? await takeContentKey(historyKey)
    : { contentKey: randomBytes(32), wrap: undefined };
  const padded = encodeContent(message.content);
  const content = await sealOnce(contentKey, padded, contentData(conversationId, clientId, self.deviceId));
  const head = accountHead ? [Uint8Array.of(1), own(accountHead)] : [Uint8Array.of(0)];
  const inner = concat(
    Uint8Array.of(innerVersion, contentKinds[message.content.type]),
    contentKey,
    hashOf(content),
    ...head,
  );
  const sent = await engine.encrypt(
    state,
    inner,
    authenticatedData({ conversationId, clientId, content, wrap, search }),
  );
  return {
    envelope: {
      epoch: state.epoch,
      mls: sent.message,
      content,
      ...(wrap ? { wrap } : {}),
      ...(search ? { search } : {}),
    },
    state: sent.state,
    erase: () => {
      contentKey.fill(0);
      inner.fill(0);
      sent.erase();
    },
  };
}

/**
 * Decrypts one message and checks that all its parts belong together and come from who the server says. The tags are
 * checked if they are given; otherwise the sender's word for their hash is left alone, since receivers don't get them.
 */
export async function openMessage(
  engine: E2eeEngine,
  state: GroupState,
  received: ReceivedMessage,
): Promise<OpenedMessage> {
  const got = await engine.process(state, received.mls);
  if (got.kind !== 'application') throw new E2eeError('malformed', 'A commit in the place of a message.');
  const { sender } = got;
  if (sender.userId !== received.senderId || sender.deviceId !== received.senderDeviceId) {
    throw new E2eeError('refused', 'The message is from someone else than the server says.');
  }
  const expected = authenticatedData(received);
  if (!received.search && got.authenticatedData.length === expected.length) {
    expected.set(got.authenticatedData.subarray(searchHashAt, searchHashAt + 32), searchHashAt);
  }
  if (!equalBytes(expected, got.authenticatedData))
    throw new E2eeError('refused', 'The parts of the message do not belong together.');
  const { kind, contentKey, contentHash, accountHead } = readInner(got.plaintext);
  const sealed = own(received.content ?? new Uint8Array());
  if (!equalBytes(contentHash, hashOf(sealed)))
    throw new E2eeError('refused', 'The content is not the one that was sent.');
  const place = contentData(received.conversationId, received.clientId, sender.deviceId);
  const content = decodeContent(await openOnce(contentKey, sealed, place));
  if (content.type !== 'unsupported' && contentKinds[content.type] !== kind) {
    throw new E2eeError('malformed', 'The content is of another type than announced.');
  }
  const erase = () => {
    got.plaintext.fill(0);
    contentKey.fill(0);
    got.erase();
  };
  return { content, sender, epoch: got.epoch, state: got.state, ...(accountHead ? { accountHead } : {}), erase };
}

/**
 * Reads a message from the archive with a history key. It proves that a holder of that key wrote it, not which one:
 * a member (never the server) could have forged it. Rejects with `key_missing` where no key opens it, as in strict mode.
 */
export async function openArchived(
  ring: KeyRing,
  received: Omit<ReceivedMessage, 'mls'>,
): Promise<Content | Unsupported> {
  const { wrap, content } = received;
  if (!wrap)
    throw new E2eeError('key_missing', 'The message was sent without history: only devices of that time can read it.');
  if (!content) throw new E2eeError('malformed', 'The message has no content.');
  const contentKey = await unwrapContentKey(ring, wrap);
  if (!contentKey) throw new E2eeError('key_missing', `The history key of version ${wrap.v} is not known here.`);
  const place = contentData(received.conversationId, received.clientId, received.senderDeviceId);
  return decodeContent(await openOnce(contentKey, own(content), place));
}

function readInner(plaintext: Bytes) {
  if (plaintext.length < 67 || plaintext[0] !== innerVersion)
    throw new E2eeError('malformed', 'The message is of another format.');
  const accountHead = plaintext[66] === 1 && plaintext.length >= 99 ? plaintext.slice(67, 99) : undefined;
  return { kind: plaintext[1], contentKey: plaintext.slice(2, 34), contentHash: plaintext.slice(34, 66), accountHead };
}
