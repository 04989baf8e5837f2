import { type Client, createClient } from '../client.ts';
import type { ClientOptions } from '../client-options.ts';
import type { Sendable } from '../e2ee/content.ts';
import type { SendOptions } from '../message-calls.ts';
import { createEncryption, type Encryption } from './encryption.ts';

export interface EncryptedClient extends Omit<Client, 'send'> {
  /** `Client.send`, of the contents that its codec takes. */
  send(conversationId: string, content: Sendable, more?: SendOptions): Promise<string>;
  readonly encryption: Encryption;
}

/** One device of one user, whose messages nobody but the devices of a conversation's members can read. */
export function createEncryptedClient(options: Omit<ClientOptions, 'codec'>): EncryptedClient {
  const { codec, encryption } = createEncryption();
  // Assigned, not spread: the client has getters.
  return Object.assign(createClient({ ...options, codec }), { encryption });
}
