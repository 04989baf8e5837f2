import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { addDevice, addPerson } from '../testing/people.ts';
import { createConnectionStore } from './connections.ts';

import { createConversationStore } from './conversations.ts';
import { openGate } from './gate.ts';
import { createLogStore } from './log.ts';
import { createModelStore } from './model-store.ts';
import { createReceiptStore } from './receipts.ts';
import { type StoreUnderTest, storeContract } from './store.contract.ts';

async function realStore(): Promise<StoreUnderTest> {
  const db = await testDatabase();
  const gate = openGate(db.url);
  return {
    log: createLogStore(gate),
    connections: createConnectionStore(gate),
    conversations: createConversationStore(gate),
    receipts: createReceiptStore(gate),
    addPerson: () => addPerson(db.sql),
    addDevice: (userId) => addDevice(db.sql, userId),
    async endSession(sessionId, reason) {
      await db.sql`update sessions set ended_at = now(), ended_reason = ${reason} where id = ${sessionId}`;
    },
    async block(userId, blockedId) {
      await db.sql`insert into blocks (user_id, blocked_id) values (${userId}, ${blockedId})`;
    },
    async require(conversationId, { epoch, removal }) {
      await db.sql`update conversations set epoch = coalesce(${epoch ?? null}, epoch),
        removal_required = coalesce(${removal ?? null}, removal_required) where id = ${conversationId}`;
      // From epoch 1 on only devices in the group may send.
      if (epoch !== undefined)
        await db.sql`insert into group_members (conversation_id, device_id, leaf_index, added_seq)
          select ${conversationId}, d.id, row_number() over (), 0
          from conversation_participants p join devices d on d.user_id = p.user_id where p.conversation_id = ${conversationId}
          on conflict do nothing`;
    },
    async close() {
      await gate.close();
      await db[Symbol.asyncDispose]();
    },
  };
}

function modelStore(): Promise<StoreUnderTest> {
  const model = createModelStore({ now: Date.now, newId: randomUUID });
  return Promise.resolve({
    ...model,
    addPerson: async () => model.addPerson(`u${randomUUID().slice(0, 8)}`),
    addDevice: async (userId: string) => model.addDevice(userId),
    endSession: async (sessionId, reason) => model.endSession(sessionId, reason),
    block: async (userId: string, blockedId: string) => model.block(userId, blockedId),
    require: async (conversationId, what) => model.require(conversationId, what),
    close: () => Promise.resolve(),
  } satisfies StoreUnderTest);
}

for (const [name, open] of [
  ['PostgreSQL', realStore],
  ['the model', modelStore],
] as const) {
  describe(name, () => storeContract(open, test, after));
}

test('both derive the same id for the same two people', async () => {
  const db = await testDatabase();
  const gate = openGate(db.url);
  try {
    const ids = [randomUUID(), randomUUID()];
    const [row] = await db.sql<{ id: string }[]>`select direct_conversation_id(${ids[0] ?? ''}, ${ids[1] ?? ''}) as id`;
    let next = 0;
    const model = createModelStore({
      now: Date.now,
      newId: () => (next % 3 === 0 ? (ids[next++ / 3] ?? '') : `${next++}`),
    });
    const ada = model.addPerson('ada');
    const bob = model.addPerson('bob');
    const opened = await model.conversations.openDirect(ada, bob.userId);
    assert.equal(opened.state === 'opened' && opened.conversationId, row?.id);
  } finally {
    await gate.close();
    await db[Symbol.asyncDispose]();
  }
});
