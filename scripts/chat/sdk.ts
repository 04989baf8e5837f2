export type {
  ConnectionState,
  EncryptedClient as Client,
  Entry,
  IdentityChange,
  MessageState,
  OwnMessage,
} from '../../client/index.ts';
export type { Conversation, Profile } from '../../protocol/index.ts';
