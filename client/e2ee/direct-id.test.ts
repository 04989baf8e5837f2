import assert from 'node:assert/strict';
import { test } from 'node:test';
import { directConversationId } from './direct-id.ts';

// As `direct_conversation_id` of sql/migrations/0001_core.sql; scripts/encryption-attacks.test.ts asks the server itself.
const vectors = [
  [
    '00000000-0000-0000-0000-000000000001',
    'ffffffff-ffff-ffff-ffff-fffffffffffe',
    'bfcae835-f965-8afa-8bef-014d7a9cc3ac',
  ],
  [
    '019ac1e4-5f00-7a3b-8c11-2ca96e039671',
    'dbe3f070-c232-4cab-8c1a-2ca96e039671',
    '2f741e28-996e-81ba-8857-e69ab4d44ac9',
  ],
  [
    '866ed617-2789-4c24-9c51-7b25e2b8c048',
    '7f20ace8-616e-433a-8b5f-c05c91de5463',
    '991a8e9d-ff8a-8f51-8aee-79dcf4e758df',
  ],
] as const;

test('the id of a direct conversation is the one that the server derives, whoever is named first', () => {
  for (const [one, other, id] of vectors) {
    assert.equal(directConversationId(one, other), id);
    assert.equal(directConversationId(other, one.toUpperCase()), id);
  }
});
