export type { Client, ConnectionState, Entry, MessageState, OwnMessage } from '../../client/index.ts';
export type { Conversation } from '../../protocol/index.ts';
