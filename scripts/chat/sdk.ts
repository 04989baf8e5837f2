export type {
  ConnectionState,
  EncryptedClient as Client,
  Entry,
  IdentityChange,
  MessageState,
  OwnMessage,
} from '../../client/index.ts';
export type { Conversation } from '../../protocol/index.ts';
