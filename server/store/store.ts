/**
 * What the layers above ask of PostgreSQL, by subject. These interfaces are the seam at which a model store can stand in
 * for the real one. Every call may fail with `StoreError`.
 */
import type { Conversation } from '../../protocol/index.ts';

/** A message as `append` takes it; bytes are base64url text as on the wire. */
export interface NewMessage {
  readonly conversationId: string;
  readonly sessionId: string;
  readonly clientId: string;
  readonly epoch: number;
  readonly silent: boolean;
  /** SHA-256 over what the sender gave, base64. */
  readonly digest: string;
  readonly mls: string;
  readonly content: string | undefined;
  readonly wrap: { readonly v: number; readonly ct: string } | undefined;
  readonly search?: SearchTags | undefined;
}

/** Blind tags under version `v` of a search key; base64url text as on the wire. */
export interface SearchTags {
  readonly v: number;
  readonly tags: readonly string[];
}

export type Verdict =
  | { readonly state: 'stored'; readonly seq: number; readonly sentAt: number }
  /** `deleted`: its ciphertext is gone since. */
  | { readonly state: 'duplicate'; readonly seq: number; readonly sentAt: number; readonly deleted?: true }
  | { readonly state: 'idempotency_conflict'; readonly seq: number; readonly sentAt: number }
  | { readonly state: 'stale_epoch'; readonly epoch: number }
  | { readonly state: 'unauthenticated' | 'not_found' | 'forbidden' | 'removal_required' }
  /** It has search tags, and the conversation none (0), or none of a version above this one. */
  | { readonly state: 'search_refused'; readonly maxVersion: number }
  /** Another instance is writing this conversation; nothing was judged. */
  | { readonly state: 'busy' };

export interface AppendAnswer {
  /** One for each message, in the same order. */
  readonly verdicts: readonly Verdict[];
  /** The members of each conversation of the batch. */
  readonly members: ReadonlyMap<string, readonly string[]>;
}

/** An entry of a conversation's log, finished for the wire. */
export interface LogEntry {
  readonly seq: number;
  /** The event frame that carries it. */
  readonly frame: string;
}

export type DeleteState = 'deleted' | 'duplicate' | 'unauthenticated' | 'not_found' | 'forbidden';

export interface LogStore {
  /** Appends in the given order, in which messages of one conversation stand together. `wait`: wait for conversations that others are writing instead of answering `busy`. */
  append(messages: readonly NewMessage[], wait: boolean): Promise<AppendAnswer>;
  /** Entries above `after` in seq order: at least one if there is one, then up to `limit` and about `maxBytes`. */
  entriesAfter(conversationId: string, after: number, limit: number, maxBytes: number): Promise<readonly LogEntry[]>;
  /** Drops the ciphertext of an own message. `duplicate`: it was gone already. */
  deleteMessage(identity: Identity, conversationId: string, seq: number): Promise<DeleteState>;
}

export interface Position {
  readonly conversationId: string;
  readonly lastSeq: number;
  /** The highest entry the device holds. */
  readonly cursor: number;
}

export type HelloState =
  | 'valid'
  | 'suspended'
  | 'logged_out'
  | 'revoked'
  | 'password_changed'
  | 'token_reuse'
  | 'deleted'
  | 'unknown';

export interface ConnectionStore {
  /** Judges session, device and account, and numbers the connection. */
  hello(identity: Identity): Promise<{ state: HelloState; connectionNo: number; lastSeenAt: Date | undefined }>;
  /** Newest activity first. */
  positions(identity: Identity): Promise<readonly Position[]>;
  /** The same for one conversation; undefined if it is none of the user's. */
  position(identity: Identity, conversationId: string): Promise<Position | undefined>;
  /** The heads of all conversations of these users. */
  heads(userIds: readonly string[]): Promise<readonly { userId: string; conversationId: string; lastSeq: number }[]>;
  /** The number of each device's latest connection; writes of the `heard` ones among them that they are here now. */
  touch(
    deviceIds: readonly string[],
    heard: readonly string[],
  ): Promise<readonly { id: string; connectionNo: number }[]>;
  /** A device that leaves was here until now. */
  seen(deviceId: string): Promise<void>;
}

/** Who speaks on a connection or with a token. */
export interface Identity {
  readonly userId: string;
  readonly deviceId: string;
  readonly sessionId: string;
}

export interface ReceiptWrite {
  readonly conversationId: string;
  readonly sessionId: string;
  readonly connectionNo: number;
  /** 0 for none. */
  readonly ackSeq: number;
  /** 0 for none. */
  readonly readSeq: number;
}

export type ReceiptAnswer =
  | { readonly outcome: 'busy' | 'displaced' | 'ended' | 'beyond' }
  | {
      readonly outcome: 'written';
      readonly userId: string;
      readonly deliveredSeq: number;
      readonly readSeq: number;
      /** False if neither mark moved. */
      readonly rose: boolean;
      /** Given when the read mark rose. */
      readonly unread: number | undefined;
      /** Who else may be told. */
      readonly audience: readonly string[];
    };

export interface ReceiptStore {
  /** One answer for each write, in the same order. A conversation and session occurs at most once. */
  writeReceipts(writes: readonly ReceiptWrite[]): Promise<readonly ReceiptAnswer[]>;
}

/** What the members agree on; what is undefined stays as it is. */
export interface ConversationChange {
  readonly searchOnServer: boolean | undefined;
  readonly expireAfterMs: number | null | undefined;
}

export interface ConversationStore {
  openDirect(
    identity: Identity,
    otherId: string,
  ): Promise<
    | { readonly state: 'opened'; readonly conversationId: string; readonly created: boolean }
    | { readonly state: 'unauthenticated' | 'not_found' | 'forbidden' }
  >;
  /** False if there was nothing to accept. */
  accept(identity: Identity, conversationId: string): Promise<boolean>;
  /** `changed`: something is otherwise than before. */
  update(
    identity: Identity,
    conversationId: string,
    change: ConversationChange,
  ): Promise<
    | { readonly state: 'updated'; readonly changed: boolean }
    | { readonly state: 'unauthenticated' | 'not_found' | 'forbidden' }
  >;
  /** Those of `ids` that the user is in, as that user sees them. */
  byIds(userId: string, ids: readonly string[]): Promise<readonly Conversation[]>;
  /** As each of their members sees them. */
  forAll(
    ids: readonly string[],
  ): Promise<readonly { readonly viewerId: string; readonly conversation: Conversation }[]>;
  page(userId: string, before: { at: string; id: string } | undefined, limit: number): Promise<readonly Conversation[]>;
  /** Ids of conversations in which anything but the log changed after `since`. */
  changedSince(userId: string, since: Date, limit: number): Promise<readonly string[]>;
  /** Who may see a member's typing and presence in a conversation; empty for somebody who isn't in it. */
  audience(conversationId: string, userId: string): Promise<readonly string[]>;
  /** What a session may read: everything above `joinedSeq`; undefined if nothing. */
  readableFrom(identity: Identity, conversationId: string): Promise<{ joinedSeq: number; lastSeq: number } | undefined>;
  /** Entries as JSON texts, in seq order. */
  history(
    conversationId: string,
    range: { after: number } | { before: number; floor: number },
    limit: number,
    maxBytes: number,
  ): Promise<readonly { seq: number; json: string }[]>;
}
