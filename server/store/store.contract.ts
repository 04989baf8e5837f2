import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { test as registerTest } from 'node:test';
import type {
  ConnectionStore,
  ConversationStore,
  Identity,
  LogStore,
  NewMessage,
  ReceiptStore,
  ReceiptWrite,
} from './store.ts';

export interface StoreUnderTest {
  readonly log: LogStore;
  readonly connections: ConnectionStore;
  readonly conversations: ConversationStore;
  readonly receipts: ReceiptStore;
  addPerson(): Promise<Identity>;
  addDevice(userId: string): Promise<Identity>;
  endSession(sessionId: string, reason: 'logged_out' | 'revoked'): Promise<void>;
  block(userId: string, blockedId: string): Promise<void>;
  require(conversationId: string, what: { epoch?: number; removal?: boolean }): Promise<void>;
  close(): Promise<void>;
}

/** What delivery relies on, whichever store it has. Whoever runs it gives the test runner. */
export function storeContract(
  open: () => Promise<StoreUnderTest>,
  test: typeof registerTest,
  after: (close: () => Promise<void>) => void,
): void {
  let opening: Promise<StoreUnderTest> | undefined;
  const opened = (): Promise<StoreUnderTest> => (opening ??= open());
  after(async () => (await opened()).close());

  async function pair() {
    const store = await opened();
    const [ada, bob] = [await store.addPerson(), await store.addPerson()];
    const answer = await store.conversations.openDirect(ada, bob.userId);
    assert.ok(answer.state === 'opened');
    const { conversationId } = answer;
    const send = async (who: Identity, ...messages: Partial<NewMessage>[]) =>
      (
        await store.log.append(
          messages.map((message) => newMessage(conversationId, who, message)),
          false,
        )
      ).verdicts;
    return { store, ada, bob, conversationId, send };
  }

  test("somebody's marks are seen by those who may be told of them, and by nobody else", async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    await send(ada, {});
    const { connectionNo } = await store.connections.hello(bob);
    await store.receipts.writeReceipts([mark(bob, conversationId, connectionNo, { ackSeq: 1, readSeq: 1 })]);
    const marksOfBob = async (viewer: Identity) => {
      const [seen] = await store.conversations.byIds(viewer.userId, [conversationId]);
      const { deliveredSeq, readSeq } = seen?.members.find(({ userId }) => userId === bob.userId) ?? {};
      return [deliveredSeq, readSeq];
    };
    assert.deepEqual(await marksOfBob(bob), [1, 1], 'his own');
    assert.deepEqual(await marksOfBob(ada), [0, 0], 'to a stranger');
    await store.conversations.accept(bob, conversationId);
    assert.deepEqual(await marksOfBob(ada), [1, 1], 'once he has accepted');
    await store.block(bob.userId, ada.userId);
    assert.deepEqual(await marksOfBob(ada), [0, 0], 'once she is blocked');
  });

  test("entries get seqs without a gap, in the given order, and every verdict is a message's own", async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    const eve = await store.addPerson();
    const ids = [randomUUID(), randomUUID()];
    const first = await send(ada, { clientId: ids[0] ?? '' }, { clientId: ids[1] ?? '', silent: true });
    assert.deepEqual(
      first.map(({ state }) => state),
      ['stored', 'stored'],
    );
    assert.deepEqual(first.map(seqOf), [1, 2]);
    const messages = [
      newMessage(conversationId, ada, { clientId: ids[0] ?? '' }),
      newMessage(conversationId, bob, {}),
      newMessage(conversationId, eve, {}),
      newMessage(conversationId, ada, { clientId: ids[1] ?? '', digest: digestOf('other') }),
      newMessage(conversationId, ada, { epoch: 3 }),
      newMessage(conversationId, ada, {}),
    ];
    const { verdicts, members } = await store.log.append(messages, true);
    assert.deepEqual(
      verdicts.map(({ state }) => state),
      ['duplicate', 'stored', 'not_found', 'idempotency_conflict', 'stale_epoch', 'stored'],
    );
    assert.deepEqual(verdicts.map(seqOf), [1, 3, undefined, 2, undefined, 4]);
    assert.deepEqual(verdicts[0], { ...first[0], state: 'duplicate' });
    assert.deepEqual(verdicts[4], { state: 'stale_epoch', epoch: 0 });
    assert.deepEqual(new Set(members.get(conversationId)), new Set([ada.userId, bob.userId]));
    const entries = await store.log.entriesAfter(conversationId, 0, 10, 1000);
    assert.deepEqual(
      entries.map(({ seq }) => seq),
      [1, 2, 3, 4],
    );
    const frame = JSON.parse(entries[1]?.frame ?? '');
    const sentAt = first[1]?.state === 'stored' ? new Date(first[1].sentAt).toISOString() : '';
    assert.deepEqual(frame, {
      type: 'message.new',
      body: {
        conversationId,
        seq: 2,
        senderId: ada.userId,
        senderDeviceId: ada.deviceId,
        clientId: ids[1],
        epoch: 0,
        mls: 'AAAA',
        silent: true,
        sentAt,
      },
    });
  });

  test('what was stored once is a duplicate ever after, also for whoever may send no longer', async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    const clientId = randomUUID();
    await send(ada, { clientId });
    await store.block(bob.userId, ada.userId);
    assert.deepEqual(
      (await send(ada, { clientId }, {})).map(({ state }) => state),
      ['duplicate', 'forbidden'],
    );
    // Alone as in a batch.
    assert.deepEqual(
      (await send(ada, {})).map(({ state }) => state),
      ['forbidden'],
    );
    // The one who blocks may go on.
    assert.deepEqual(
      (await send(bob, {})).map(({ state }) => state),
      ['stored'],
    );
    await store.require(conversationId, { removal: true });
    assert.deepEqual(
      (await send(bob, {}, { epoch: 7 })).map(({ state }) => state),
      ['removal_required', 'stale_epoch'],
    );
    assert.deepEqual(
      (await send(bob, {})).map(({ state }) => state),
      ['removal_required'],
    );
    await store.require(conversationId, { removal: false, epoch: 7 });
    assert.deepEqual(
      (await send(bob, {})).map(({ state }) => state),
      ['stale_epoch'],
    );
    await store.endSession(ada.sessionId, 'revoked');
    assert.deepEqual(
      (await send(ada, { clientId })).map(({ state }) => state),
      ['unauthenticated'],
    );
    const missing = await store.log.append([newMessage(randomUUID(), bob, {})], false);
    assert.deepEqual(missing.verdicts, [{ state: 'not_found' }]);
  });

  test("a batch over several conversations keeps each one's order", async () => {
    const { store, ada, conversationId } = await pair();
    const cecil = await store.addPerson();
    const other = await store.conversations.openDirect(ada, cecil.userId);
    assert.ok(other.state === 'opened');
    const batch = [conversationId, conversationId, other.conversationId, other.conversationId, other.conversationId];
    const { verdicts, members } = await store.log.append(
      batch.map((id) => newMessage(id, ada, {})),
      false,
    );
    assert.deepEqual(verdicts.map(seqOf), [1, 2, 1, 2, 3]);
    assert.equal(members.size, 2);
    assert.ok(members.get(other.conversationId)?.includes(cecil.userId));
    const heads = await store.connections.heads([cecil.userId, ada.userId]);
    const ofAda = heads.filter(({ userId }) => userId === ada.userId).map(({ lastSeq }) => lastSeq);
    assert.deepEqual(ofAda.sort(), [2, 3]);
    assert.deepEqual(
      heads.filter(({ userId }) => userId === cecil.userId).map(({ lastSeq }) => lastSeq),
      [3],
    );
  });

  test('a deleted message keeps its place and everything but its ciphertext', async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    const clientId = randomUUID();
    const wrap = { v: 3, ct: 'A'.repeat(54) };
    const [first] = await send(ada, { clientId, silent: true, content: 'AAAA', wrap }, {});
    await send(bob, {});
    const { deleteMessage, entriesAfter, append } = store.log;
    const read = async () =>
      (await entriesAfter(conversationId, 0, 10, 1000)).map(
        ({ frame }): Record<string, unknown> => JSON.parse(frame).body,
      );
    const before = await read();
    const { mls: _mls, content: _content, wrap: _wrap, ...rest } = before[0] ?? {};
    assert.deepEqual(before[0], { ...rest, mls: 'AAAA', content: 'AAAA', wrap });
    const eve = await store.addPerson();
    assert.equal(await deleteMessage(eve, conversationId, 1), 'not_found');
    assert.equal(await deleteMessage(ada, randomUUID(), 1), 'not_found');
    assert.equal(await deleteMessage(ada, conversationId, 4), 'not_found');
    assert.equal(await deleteMessage(bob, conversationId, 1), 'forbidden');
    assert.deepEqual(await read(), before);
    const tablet = await store.addDevice(ada.userId);
    await store.block(bob.userId, ada.userId);
    assert.equal(await deleteMessage(tablet, conversationId, 1), 'deleted');
    assert.equal(await deleteMessage(ada, conversationId, 1), 'duplicate');
    const after = [{ ...rest, deleted: true }, ...before.slice(1)];
    assert.deepEqual(await read(), after);
    const { history } = store.conversations;
    const page = await history(conversationId, { before: 3, floor: 0 }, 10, 1000);
    assert.deepEqual(
      page.map(({ json }) => JSON.parse(json)),
      after.slice(0, 2),
    );
    const again = { clientId, silent: true, content: 'AAAA', wrap };
    const { verdicts } = await append([newMessage(conversationId, ada, again)], false);
    assert.deepEqual(verdicts, [{ ...first, state: 'duplicate', deleted: true }]);
    assert.deepEqual(
      (await send(ada, { ...again, digest: digestOf('other') })).map(({ state }) => state),
      ['idempotency_conflict'],
    );
    const [seen] = await store.conversations.byIds(bob.userId, [conversationId]);
    assert.deepEqual([seen?.lastSeq, seen?.unread], [3, 0]);
    await store.endSession(ada.sessionId, 'revoked');
    assert.equal(await deleteMessage(ada, conversationId, 2), 'unauthenticated');
    assert.deepEqual(await read(), after);
  });

  test('pages are bounded in entries and bytes, but never empty while there is more', async () => {
    const { store, ada, conversationId, send } = await pair();
    await send(ada, ...Array.from({ length: 6 }, () => ({ mls: 'A'.repeat(400) })));
    const seqs = (entries: readonly { seq: number }[]) => entries.map(({ seq }) => seq);
    assert.deepEqual(seqs(await store.log.entriesAfter(conversationId, 2, 3, 10_000)), [3, 4, 5]);
    assert.deepEqual(seqs(await store.log.entriesAfter(conversationId, 0, 10, 1)), [1]);
    assert.deepEqual(seqs(await store.log.entriesAfter(conversationId, 0, 10, 301)), [1, 2]);
    assert.deepEqual(seqs(await store.log.entriesAfter(conversationId, 6, 10, 1000)), []);
    const { history } = store.conversations;
    assert.deepEqual(seqs(await history(conversationId, { before: 6, floor: 0 }, 2, 10_000)), [4, 5]);
    assert.deepEqual(seqs(await history(conversationId, { before: 6, floor: 4 }, 9, 10_000)), [5]);
    assert.deepEqual(seqs(await history(conversationId, { before: 9, floor: 0 }, 9, 301)), [5, 6]);
    assert.deepEqual(seqs(await history(conversationId, { after: 1 }, 2, 10_000)), [2, 3]);
  });

  test("hello judges the session and gives numbers that rise; positions start at the user's mark", async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    await send(ada, {}, {});
    const first = await store.connections.hello(bob);
    assert.deepEqual([first.state, first.connectionNo, first.lastSeenAt], ['valid', 1, undefined]);
    const second = await store.connections.hello(bob);
    assert.deepEqual([second.connectionNo, second.lastSeenAt], [2, undefined], 'nobody is seen by saying hello');
    assert.deepEqual([...(await store.connections.positions(bob))], [{ conversationId, lastSeq: 2, cursor: 0 }]);
    await store.receipts.writeReceipts([mark(bob, conversationId, 2, { ackSeq: 2 })]);
    assert.deepEqual([...(await store.connections.positions(bob))], [{ conversationId, lastSeq: 2, cursor: 2 }]);
    const younger = await store.addDevice(bob.userId);
    assert.deepEqual([...(await store.connections.positions(younger))], [{ conversationId, lastSeq: 2, cursor: 2 }]);
    const at = (id: string) => store.connections.position(bob, id);
    assert.deepEqual({ ...(await at(conversationId)) }, { conversationId, lastSeq: 2, cursor: 2 });
    assert.equal(await at(randomUUID()), undefined);
    const touch = async (heard: string[]) =>
      (await store.connections.touch([bob.deviceId], heard)).map((row) => ({ ...row }));
    assert.deepEqual(await touch([]), [{ id: bob.deviceId, connectionNo: 2 }]);
    assert.equal((await store.connections.hello(bob)).lastSeenAt, undefined);
    assert.deepEqual(await touch([bob.deviceId]), [{ id: bob.deviceId, connectionNo: 3 }]);
    const seenAt = (await store.connections.hello(bob)).lastSeenAt ?? new Date(0);
    assert.ok(seenAt > new Date(0));
    await store.connections.seen(bob.deviceId);
    assert.ok(((await store.connections.hello(bob)).lastSeenAt ?? new Date(0)) >= seenAt);
    assert.equal((await store.connections.hello({ ...bob, userId: ada.userId })).state, 'unknown');
    await store.endSession(bob.sessionId, 'logged_out');
    const refused = await store.connections.hello(bob);
    assert.deepEqual([refused.state, refused.connectionNo], ['logged_out', 0]);
  });

  test('marks only rise, for the connection with the latest number, and never beyond the log', async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    await send(ada, {}, { silent: true }, {});
    await store.connections.hello(bob);
    const write = async (...writes: ReceiptWrite[]) => store.receipts.writeReceipts(writes);
    const of = (ackSeq: number, readSeq: number, no = 1) => mark(bob, conversationId, no, { ackSeq, readSeq });
    const written = { outcome: 'written', userId: bob.userId } as const;
    // Bob hasn't accepted: nobody may be told.
    assert.deepEqual(await write(of(2, 0)), [
      { ...written, deliveredSeq: 2, readSeq: 0, rose: true, unread: undefined, audience: [] },
    ]);
    assert.equal(await store.conversations.accept(bob, conversationId), true);
    assert.equal(await store.conversations.accept(bob, conversationId), false);
    assert.deepEqual(await write(of(1, 0)), [
      { ...written, deliveredSeq: 2, readSeq: 0, rose: false, unread: undefined, audience: [] },
    ]);
    assert.deepEqual(await write(of(0, 3)), [
      { ...written, deliveredSeq: 3, readSeq: 3, rose: true, unread: 0, audience: [ada.userId] },
    ]);
    assert.deepEqual(await write(of(0, 2)), [
      { ...written, deliveredSeq: 3, readSeq: 3, rose: false, unread: undefined, audience: [] },
    ]);
    assert.deepEqual(await write(of(4, 0)), [{ outcome: 'beyond' }]);
    assert.deepEqual(await write(mark(bob, randomUUID(), 1, { ackSeq: 1 })), [{ outcome: 'beyond' }]);
    await store.connections.hello(bob);
    assert.deepEqual(
      (await write(of(3, 0), of(3, 0, 2))).map(({ outcome }) => outcome),
      ['displaced', 'written'],
    );
    assert.deepEqual([...(await store.connections.positions(bob))], [{ conversationId, lastSeq: 3, cursor: 3 }]);
    await store.endSession(bob.sessionId, 'revoked');
    assert.deepEqual(await write(of(3, 0, 2)), [{ outcome: 'ended' }]);
  });

  test('two devices of one user raise one mark, each its own cursor', async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    const younger = await store.addDevice(bob.userId);
    await send(ada, {}, {}, {});
    await store.connections.hello(bob);
    await store.connections.hello(younger);
    const answers = await store.receipts.writeReceipts([
      mark(bob, conversationId, 1, { ackSeq: 3 }),
      mark(younger, conversationId, 1, { ackSeq: 2, readSeq: 1 }),
    ]);
    for (const answer of answers) {
      assert.ok(answer.outcome === 'written');
      assert.deepEqual([answer.deliveredSeq, answer.readSeq, answer.rose, answer.unread], [3, 1, true, 2]);
    }
    assert.equal((await store.connections.positions(bob))[0]?.cursor, 3);
    assert.equal((await store.connections.positions(younger))[0]?.cursor, 2);
  });

  test('a conversation is opened once, seen from both sides, and counts what is unread', async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    const { openDirect, byIds, page, changedSince, audience, readableFrom } = store.conversations;
    assert.deepEqual(await openDirect(ada, bob.userId), { state: 'opened', conversationId, created: false });
    assert.deepEqual(await openDirect(ada, ada.userId), { state: 'not_found' });
    assert.deepEqual(await openDirect(ada, randomUUID()), { state: 'not_found' });
    assert.deepEqual(await page(bob.userId, undefined, 10), []);
    assert.deepEqual(await changedSince(bob.userId, new Date(0), 10), []);
    await send(ada, {}, { silent: true }, {});
    const [seen] = await page(bob.userId, undefined, 10);
    assert.deepEqual(
      [seen?.id, seen?.lastSeq, seen?.unread, seen?.accepted, seen?.readSeq],
      [conversationId, 3, 2, false, 0],
    );
    const members = seen?.members.map(({ userId, deliveredSeq, readSeq }) => ({ userId, deliveredSeq, readSeq }));
    // Not accepted: the marks of the other one are as secret as the receipts.
    assert.deepEqual(
      members,
      [
        { userId: ada.userId, deliveredSeq: 0, readSeq: 0 },
        { userId: bob.userId, deliveredSeq: 0, readSeq: 0 },
      ].sort((x, y) => (x.userId < y.userId ? -1 : 1)),
    );
    assert.deepEqual(await byIds(bob.userId, [conversationId, randomUUID()]), [seen]);
    assert.deepEqual(await changedSince(bob.userId, new Date(0), 10), [conversationId]);
    assert.deepEqual(await changedSince(bob.userId, new Date(Date.now() + 60_000), 10), []);
    assert.deepEqual(await page(bob.userId, { at: seen?.lastAt ?? '', id: conversationId }, 10), []);
    assert.deepEqual(await audience(conversationId, ada.userId), []);
    const justNow = () => new Date(Date.now() - 1);
    let moment = justNow();
    while ((await changedSince(bob.userId, moment, 10)).length > 0) moment = justNow();
    assert.deepEqual(await openDirect(bob, ada.userId), { state: 'opened', conversationId, created: true });
    assert.deepEqual(await changedSince(bob.userId, moment, 10), [conversationId], 'his other devices hear of it');
    assert.deepEqual(await audience(conversationId, ada.userId), [bob.userId]);
    const [accepted] = await byIds(bob.userId, [conversationId]);
    assert.equal(accepted?.members.find(({ userId }) => userId === ada.userId)?.readSeq, 3);
    const everyones = await store.conversations.forAll([conversationId]);
    assert.deepEqual(everyones.find(({ viewerId }) => viewerId === bob.userId)?.conversation, accepted);
    assert.equal(everyones.length, 2);
    assert.deepEqual(await readableFrom(bob, conversationId), { joinedSeq: 0, lastSeq: 3 });
    const eve = await store.addPerson();
    assert.equal(await readableFrom(eve, conversationId), undefined);
    assert.deepEqual(await byIds(eve.userId, [conversationId]), []);
    await store.block(bob.userId, ada.userId);
    assert.deepEqual(await audience(conversationId, ada.userId), []);
    assert.deepEqual(await openDirect(ada, bob.userId), { state: 'forbidden' });
    await store.endSession(eve.sessionId, 'revoked');
    assert.deepEqual(await openDirect(eve, bob.userId), { state: 'unauthenticated' });
    assert.equal(await readableFrom(eve, conversationId), undefined);
  });

  test('search tags are taken where the members have opted in, and nothing of a refused message is kept', async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    const tagged = (v: number, rest: Partial<NewMessage> = {}) => ({ search: { v, tags: ['AAAAAAAAAAA'] }, ...rest });
    const clientId = randomUUID();
    const refusedAt = (maxVersion: number) => ({ state: 'search_refused', maxVersion });
    assert.deepEqual(await send(ada, tagged(1)), [refusedAt(0)], 'alone');
    const first = await send(ada, tagged(1), { clientId }, tagged(1), {});
    assert.deepEqual(first.map(seqOf), [undefined, 1, undefined, 2], 'the others close ranks');
    assert.deepEqual([first[0], first[2]], [refusedAt(0), refusedAt(0)]);
    await store.conversations.update(bob, conversationId, { searchOnServer: true, expireAfterMs: undefined });
    assert.deepEqual((await send(ada, tagged(192))).map(seqOf), [3], 'each entry may tell a key 64 above the last');
    assert.deepEqual(await send(ada, tagged(257)), [refusedAt(256)]);
    const mixed = await send(ada, {}, tagged(1), tagged(385));
    assert.deepEqual(mixed.map(seqOf), [4, 5, undefined]);
    assert.deepEqual(mixed[2], refusedAt(384));
    const retry = randomUUID();
    assert.deepEqual((await send(ada, tagged(1, { clientId: retry }))).map(seqOf), [6]);
    await store.conversations.update(bob, conversationId, { searchOnServer: false, expireAfterMs: undefined });
    const [again] = await send(ada, tagged(1, { clientId: retry }));
    assert.deepEqual([again?.state, again && seqOf(again)], ['duplicate', 6], 'what was stored is no refusal later');
    await store.require(conversationId, { removal: true });
    assert.deepEqual(await send(ada, tagged(1)), [{ state: 'removal_required' }], 'which is judged first');
    await store.require(conversationId, { removal: false });
    const stale = await send(ada, tagged(1, { epoch: 7 }));
    assert.deepEqual(stale, [{ state: 'stale_epoch', epoch: 0 }]);
  });

  test('what members agree on is changed by any of them who is not blocked', async () => {
    const { store, ada, bob, conversationId, send } = await pair();
    await send(ada, {});
    const { update, byIds, changedSince } = store.conversations;
    const shown = async () => {
      const [seen] = await byIds(ada.userId, [conversationId]);
      return [seen?.searchOnServer, seen?.expireAfterMs];
    };
    const change = { searchOnServer: true, expireAfterMs: undefined };
    assert.deepEqual(await shown(), [false, null]);
    assert.deepEqual(await update(bob, conversationId, change), { state: 'updated', changed: true });
    assert.deepEqual(await update(ada, conversationId, change), { state: 'updated', changed: false });
    assert.deepEqual(await shown(), [true, null]);
    const expiry = { searchOnServer: undefined, expireAfterMs: 60_000 };
    assert.deepEqual(await update(ada, conversationId, expiry), { state: 'updated', changed: true });
    assert.deepEqual(await shown(), [true, 60_000]);
    assert.deepEqual(await changedSince(bob.userId, new Date(0), 10), [conversationId]);
    await update(ada, conversationId, { searchOnServer: undefined, expireAfterMs: null });
    assert.deepEqual(await shown(), [true, null]);
    const eve = await store.addPerson();
    assert.deepEqual(await update(eve, conversationId, change), { state: 'not_found' });
    assert.deepEqual(await update(ada, randomUUID(), change), { state: 'not_found' });
    await store.block(bob.userId, ada.userId);
    assert.deepEqual(await update(ada, conversationId, expiry), { state: 'forbidden' });
    await store.endSession(bob.sessionId, 'revoked');
    assert.deepEqual(await update(bob, conversationId, expiry), { state: 'unauthenticated' });
    assert.deepEqual(await shown(), [true, null]);
  });
}

const digestOf = (text: string): string => Buffer.alloc(32, text).toString('base64');
const seqOf = (verdict: object): unknown => ('seq' in verdict ? verdict.seq : undefined);

function newMessage(conversationId: string, { sessionId }: Identity, rest: Partial<NewMessage>): NewMessage {
  const mls = rest.mls ?? 'AAAA';
  return {
    conversationId,
    sessionId,
    clientId: randomUUID(),
    epoch: 0,
    silent: false,
    digest: digestOf(mls),
    mls,
    content: undefined,
    wrap: undefined,
    search: undefined,
    ...rest,
  };
}

const mark = (
  { sessionId }: Identity,
  conversationId: string,
  connectionNo: number,
  marks: { ackSeq?: number; readSeq?: number },
): ReceiptWrite => ({
  conversationId,
  sessionId,
  connectionNo,
  ackSeq: marks.ackSeq ?? 0,
  readSeq: marks.readSeq ?? 0,
});
