import type { Unsafe } from './records.ts';
import type { ConversationSettings } from './rings.ts';

/** What an application has to know about encryption, and in part decide. */
export interface EncryptionEvents {
  /** This device's standing. `unlinked`: the account has keys, and another device has to vouch for this one. */
  readonly status: EncryptionStatus;
  /**
   * Someone's identity: `rotated` = the old key vouches for the new one; `reset` = nobody does, and nothing is sent to
   * them before `identities().accept`; `rewritten` = the server contradicts what it said before.
   */
  readonly identity: IdentityChange;
  /** A conversation whose group must not be trusted: nothing is sent in it. */
  readonly unsafe: { readonly conversationId: string; readonly reason: Unsafe };
  /** Somebody, maybe on another device of this person, said how a conversation is kept from here on. */
  readonly settings: ConversationSettings & {
    readonly conversationId: string;
    readonly byUserId: string;
    readonly byDeviceId: string;
  };
  /** Keys of a conversation's past came: what could not be read there may be readable now. */
  readonly archive: { readonly conversationId: string };
  /** A device of this user or a contact appeared or went. */
  readonly device: { readonly userId: string; readonly deviceId: string; readonly is: 'added' | 'removed' };
  /**
   * The recovery key: `replaced` = the account has a new key, and so there is a new recovery key to be written down;
   * `rolled_back` = the server had lost or held back what it was given, which was put again; `elsewhere` = another device
   * has made another recovery key, and the one of this device opens nothing any more.
   */
  readonly recovery: { readonly is: 'replaced' | 'rolled_back' | 'elsewhere' };
  /** On a device that is being linked: the six digits that the other device must show too. */
  readonly link: { readonly linkId: string; readonly code: string };
}

export type EncryptionStatus = 'starting' | 'unlinked' | 'ready';

export interface IdentityChange {
  readonly userId: string;
  readonly is: 'rotated' | 'reset' | 'rewritten';
  /** The safety number had been compared. */
  readonly verified: boolean;
}
