/** The SDK's public face. Node adds `client/node/socket.ts` and `client/node/file-store.ts`, browsers `client/browser/`. */
export type { ErrorCode } from '../protocol/codes.ts';
export type { Tokens } from '../protocol/http.ts';
export type {
  Conversation,
  EventBody,
  EventType,
  NotificationType,
  Profile,
  Reply,
  RequestInput,
  RequestType,
} from '../protocol/index.ts';
export type { LoginInput } from './account.ts';
export { type Client, createClient } from './client.ts';
export type { ClientOptions } from './client-options.ts';
export type { Clock } from './clock.ts';
export {
  type Content,
  type Decoded,
  type Encoded,
  type EncodedMessage,
  type MessageCodec,
  plainCodec,
  type WireEntry,
} from './codec.ts';
export type { ConnectionState, Greeting } from './connection.ts';
export type { MessageRef, Sendable, Unsupported } from './e2ee/content.ts';
export { E2eeError, type E2eeErrorCode } from './e2ee/error.ts';
export { createEncryptedClient, type EncryptedClient } from './encryption/client.ts';
export type { GroupDescription } from './encryption/describe.ts';
export type { Encryption } from './encryption/encryption.ts';
export type { EncryptionEvents, EncryptionStatus, IdentityChange } from './encryption/events.ts';
export type { Recovered } from './encryption/recovery.ts';
export type { ConversationSettings } from './encryption/rings.ts';
export { SottoError, type SottoErrorCode } from './errors.ts';
export type { ClientEvents } from './events.ts';
export type { EntryHandler } from './handler.ts';
export type { HistoryInput, HistoryPage } from './history.ts';
export { createHttp, type Http } from './http.ts';
export type { SendOptions } from './message-calls.ts';
export type { FailureReason, MessageState } from './message-state.ts';
export type { OwnMessage } from './own-messages.ts';
export type { Refusal } from './reconnect.ts';
export type { Entry } from './records.ts';
export type { NotificationInput } from './requests.ts';
export type { SearchHit, SearchInput, SearchPage } from './search/search.ts';
export type { Snippet } from './search/snippet.ts';
export { type ClientSocket, type OpenSocket, openWebSocket, type SocketEvents } from './socket.ts';
export { type Change, type ClientStore, type Item, memoryStore, type Range, storeIn } from './store.ts';
export type { Lock } from './tokens.ts';
