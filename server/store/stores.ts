import { createCommitStore } from './commits.ts';
import { createConnectionStore } from './connections.ts';
import { createConversationStore } from './conversations.ts';
import type { Gate } from './gate.ts';
import { createKeyStore } from './keys.ts';
import { createLogStore } from './log.ts';
import { createMailboxStore } from './mailbox.ts';
import { createReceiptStore } from './receipts.ts';
import { createSearchStore } from './search.ts';

/** All that messaging stores, through one gate. */
export const createStores = (gate: Gate) => ({
  log: createLogStore(gate),
  connections: createConnectionStore(gate),
  conversations: createConversationStore(gate),
  receipts: createReceiptStore(gate),
  keys: createKeyStore(gate),
  commits: createCommitStore(gate),
  mailbox: createMailboxStore(gate),
  search: createSearchStore(gate),
});
