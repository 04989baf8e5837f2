/** The SDK's public face. Node adds `client/node/socket.ts` and `client/node/file-store.ts`, browsers `client/browser/`. */
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
export { createEncryptedClient, type EncryptedClient } from './encryption/client.ts';
export type { EncryptionEvents, EncryptionStatus, IdentityChange } from './encryption/events.ts';
export { SottoError } from './errors.ts';
export type { ClientEvents } from './events.ts';
export type { EntryHandler } from './handler.ts';
export type { HistoryInput, HistoryPage } from './history.ts';
export { createHttp, type Http } from './http.ts';
export type { FailureReason, MessageState } from './message-state.ts';
export type { OwnMessage } from './own-messages.ts';
export type { Entry } from './records.ts';
export type { SearchHit, SearchInput, SearchPage } from './search/search.ts';
export type { Snippet } from './search/snippet.ts';
export { type ClientSocket, type OpenSocket, openWebSocket, type SocketEvents } from './socket.ts';
export { type Change, type ClientStore, memoryStore, storeIn } from './store.ts';
