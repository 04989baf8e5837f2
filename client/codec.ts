import * as v from 'valibot';
import type { CommitEntry, MessageEntry, RequestInput, StoredMessage } from '../protocol/index.ts';
import { fromBase64url, fromUtf8, toBase64url, utf8 } from './e2ee/bytes.ts';
import type { CodecHost } from './encryption/host.ts';
import type { SottoError } from './errors.ts';
import type { Change } from './store.ts';

/** What an application sends and receives: JSON with a type. `{type: 'text', text}` is what `npm run chat` speaks. */
export type Content = v.InferOutput<typeof content>;
export const content = v.looseObject({ type: v.pipe(v.string(), v.minLength(1), v.maxLength(64)) });

export type WireEntry = MessageEntry | CommitEntry;

export interface Outgoing {
  readonly conversationId: string;
  readonly clientId: string;
  readonly content: Content;
  /** It was in the log before, which a restored server lost. */
  readonly again?: boolean | undefined;
  /** What `encode` said the last time. */
  readonly audience?: string | undefined;
}

/** The part of `message.send` that depends on encryption. */
export type Encoded = Pick<RequestInput<'message.send'>, 'epoch' | 'mls' | 'content' | 'wrap' | 'search'>;

/** `changes` go into the store in one batch with what the SDK itself writes. */
export interface EncodedMessage {
  readonly body: Encoded;
  /** Names who can read it, in the codec's own words; kept with the message. */
  readonly audience?: string;
  readonly changes?: readonly Change[];
}

export type Decoded =
  /** `archived`: read with a key of the conversation's archive, see `Peeked`. */
  | {
      readonly is: 'content';
      readonly content: Content;
      readonly archived?: true;
      readonly changes?: readonly Change[];
    }
  /** An entry that has nothing to show, such as a commit. `missed`: it may have, but not for this device now. */
  | { readonly is: 'nothing'; readonly missed?: true; readonly changes?: readonly Change[] };

/** What an entry says that is read outside the order of the log. */
export type Peeked =
  /** `archived`: any member of that time could have written it in anybody's name; the server could not. */
  | { readonly is: 'content'; readonly content: Content; readonly archived?: true }
  | { readonly is: 'nothing' }
  /** `strict`: it was sent without history. `key_missing`: with it, but this device was not given the key. */
  | {
      readonly is: 'unreadable';
      readonly failure: { readonly code: 'strict' | 'key_missing' | 'unreadable'; readonly message: string };
    };

/** Thrown by `encode` for a message that will not become sendable by itself. A `SottoError` to be retried means: not yet. */
export class NotEncodable extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'NotEncodable';
    this.code = code;
  }
}

/**
 * Stands between the application's content and the wire; encryption lives here.
 *
 * Within one conversation the SDK makes one call at a time, and makes the next one only after `changes` of the one
 * before are in the store. So a codec can move its state with each call and need not fear to be rolled back.
 * The names of the SDK's own keys are in `records.ts`; all others are the codec's.
 */
export interface MessageCodec {
  /** Called once, before everything else. */
  attach?(host: CodecHost): void;
  /** What is kept and sent of a content, called before anything is stored; throws `bad_request` for what cannot be sent. */
  check?(content: Content): Content;
  /** Called once per message; what it returned is sent, byte for byte, until there is an answer. */
  encode(message: Outgoing): Promise<EncodedMessage>;
  /** Called in seq order, once per entry unless it throws: then again a few times, and then the entry counts as unreadable. */
  decode(entry: WireEntry): Promise<Decoded>;
  /** Reads an old entry without moving any state. */
  peek?(entry: StoredMessage): Promise<Peeked>;
  /** After `stale_epoch` or `removal_required`: puts things right. True when encoding the message anew may help. */
  recover?(conversationId: string, error: SottoError): Promise<boolean>;
  /** What the members agreed on by their own word; undefined while this device was not told. */
  settings?(conversationId: string): Promise<Agreement | undefined>;
  /** Tells the members of another wish. Resolves when it is kept; `host.agreed` says when it holds. */
  setSettings?(conversationId: string, wanted: Partial<Agreement>): Promise<void>;
  /** What the server is asked for in order to find a text: blind tags for each key of the conversation's past. */
  searchKeys?(conversationId: string, text: string): Promise<SearchKeys | undefined>;
}

/** How a conversation is kept, as far as the server plays a part in it. */
export interface Agreement {
  readonly searchOnServer: boolean;
  /** How long after it was sent a message disappears; null: never. */
  readonly expireAfterMs: number | null;
}

export type SearchKeys = NonNullable<RequestInput<'message.search'>['queries'][number]['keys']>;

const contentText = v.pipe(v.string(), v.parseJson(), content);

/** Content as plain JSON at epoch 0, which only a server with `REQUIRE_MLS` off takes. For tests and benches. */
export const plainCodec: MessageCodec = {
  async encode(message) {
    return { body: { epoch: 0, mls: toBase64url(utf8(JSON.stringify(message.content))) } };
  },
  async decode(entry) {
    if (!('mls' in entry)) return { is: 'nothing' };
    return { is: 'content', content: v.parse(contentText, fromUtf8(fromBase64url(entry.mls))) };
  },
  async peek(entry) {
    return { is: 'content', content: v.parse(contentText, fromUtf8(fromBase64url(entry.mls))) };
  },
};
