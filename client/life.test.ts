import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ChangeContent } from './e2ee/content.ts';
import { isChange } from './life.ts';
import { type Entry, entry as entrySchema, keys, putEntry, readAll } from './records.ts';
import { searchableStore } from './search/search.ts';
import { memoryStore } from './store.ts';
import { takeAway, takeIn } from './taking-in.ts';
import { World } from './testing/world.ts';

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const ROOM = id(1);
const words = ['apple', 'pear', 'plum', 'fig'];
const emojis = ['👍', '❤️'];

type Step =
  | { is: 'text'; by: number; text: string }
  | { is: 'edit' | 'delete' | 'reaction'; by: number; at: number; text: string; emoji: string; on: boolean };

const step = fc.oneof(
  fc.record({
    is: fc.constant('text' as const),
    by: fc.integer({ min: 0, max: 1 }),
    text: fc.constantFrom(...words),
  }),
  fc.record({
    is: fc.constantFrom('edit' as const, 'edit' as const, 'delete' as const, 'reaction' as const, 'reaction' as const),
    by: fc.integer({ min: 0, max: 1 }),
    at: fc.nat(20),
    text: fc.constantFrom(...words),
    emoji: fc.constantFrom(...emojis),
    on: fc.boolean(),
  }),
);

const author = (n: number) => ({ senderId: id(10 + n), senderDeviceId: id(20 + n) });

/** A log; without `forged`, only authors edit and delete. */
function logOf(steps: readonly Step[], forged: boolean): Entry[] {
  const log: Entry[] = [];
  for (const each of steps) {
    const texts = log.filter(({ content }) => content?.type === 'text');
    const target = each.is === 'text' ? undefined : texts[each.at % Math.max(1, texts.length)];
    if (each.is !== 'text' && target === undefined) continue;
    const seq = log.length + 1;
    const isByAuthor = each.is === 'edit' || each.is === 'delete';
    const by = isByAuthor && !forged && target ? target : author(each.by);
    const { senderId, senderDeviceId } = by;
    const base = { conversationId: ROOM, seq, senderId, senderDeviceId, clientId: id(1000 + seq) };
    const rest = { sentAt: new Date(seq * 1000).toISOString(), silent: false, hidden: false };
    log.push({ ...base, ...rest, content: contentOf(each, target) });
  }
  return log;
}

function contentOf(each: Step, target: Entry | undefined): ChangeContent | { type: 'text'; text: string } {
  if (each.is === 'text' || target === undefined) return { type: 'text', text: each.text };
  const ref = { deviceId: target.senderDeviceId, clientId: target.clientId };
  if (each.is === 'edit') return { type: 'edit', target: ref, text: each.text };
  if (each.is === 'delete') return { type: 'delete', target: ref };
  return { type: 'reaction', target: ref, emoji: each.emoji, on: each.on };
}

/** What people should see in the end: said in another way than the code under test says it. */
function expected(log: readonly Entry[]) {
  return log
    .filter(({ content }) => content?.type === 'text')
    .map((message) => {
      const about = log.filter(({ content }) => {
        const ref = content?.target as { clientId: string } | undefined;
        return ref?.clientId === message.clientId;
      });
      const own = about.filter(({ senderId }) => senderId === message.senderId);
      if (own.some(({ content }) => content?.type === 'delete')) return `${message.seq} deleted`;
      const last = own.filter(({ content }) => content?.type === 'edit').at(-1);
      const on = new Map<string, boolean>();
      for (const { content, senderId } of about)
        if (content?.type === 'reaction') on.set(`${content.emoji}${senderId}`, content.on === true);
      const reactions = [...on].filter(([, is]) => is).map(([each]) => each);
      return `${message.seq} ${last?.content?.text ?? message.content?.text} ${last?.sentAt} ${reactions.sort()}`;
    });
}

function seenIn(entries: readonly Entry[]) {
  return entries
    .filter((each) => !each.hidden && !isChange(each.content))
    .map(({ seq, content, editedAt, reactions = [], deleted }) => {
      if (deleted === true) return `${seq} deleted`;
      const flat = reactions.flatMap(({ emoji, userIds }) => userIds.map((userId) => `${emoji}${userId}`));
      return `${seq} ${content?.text} ${editedAt} ${flat.sort()}`;
    });
}

test('in whatever order a log is read, and however often, messages, search and store agree in the end', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 30, size: 'max' }),
    fc.array(fc.nat(1000), { minLength: 45, maxLength: 45 }),
    fc.boolean(),
    async (steps, order, forged) => {
      const log = logOf(steps, forged);
      const shuffled = forged
        ? log
        : order.flatMap((n) => log[n % Math.max(1, log.length)] ?? []).concat(log.toReversed());
      const { store, search } = searchableStore(memoryStore(), (problem) => assert.fail(String(problem)));
      for (const entry of shuffled) {
        const taken = await takeIn({ store, deviceId: id(99), logId: id(98) }, entry);
        await store.write([putEntry(taken.entry), ...taken.changes]);
      }
      const wanted = expected(log);
      const entries = await readAll(store, entrySchema, { prefix: keys.entries(ROOM) });
      assert.deepEqual(seenIn(entries), wanted);
      for (const text of words) {
        const { hits } = await search({ text, limit: 100 });
        const found = hits.map(({ entry }) => entry.seq).sort((a, b) => a - b);
        assert.deepEqual(
          found,
          wanted.filter((each) => each.split(' ')[1] === text).map((each) => Number(each.split(' ')[0])),
        );
      }
      const all = JSON.stringify([await store.list({ prefix: 'entry/' }), await store.list({ prefix: 'life/' })]);
      if (!forged && wanted.every((each) => each.endsWith('deleted')))
        for (const text of words) assert.ok(!all.includes(text), 'no text of a deleted message stays in the store');
    },
  );
  await fc.assert(property, { numRuns: Number(process.env.LIFE_RUNS ?? 40), includeErrorInReport: true });
});

test('what was taken away here stays away, whatever is read or said about it later', async () => {
  const store = memoryStore();
  const options = { store, deviceId: id(99), logId: id(98) };
  const take = async (entry: Entry) => {
    const taken = await takeIn(options, entry);
    await store.write([putEntry(taken.entry), ...taken.changes]);
    return taken.entry;
  };
  const [text, first, second] = logOf(
    [
      { is: 'text', by: 0, text: 'apple' },
      { is: 'edit', by: 0, at: 0, text: 'pear', emoji: '', on: true },
      { is: 'edit', by: 0, at: 0, text: 'plum', emoji: '', on: true },
    ],
    false,
  );
  assert.ok(text && first && second);
  await take(text);
  await take(first);
  const [kept] = await readAll(store, entrySchema, { prefix: keys.entry(ROOM, 1) });
  assert.equal(kept?.content?.text, 'pear');
  assert.ok(kept);
  const { changes, entry } = await takeAway(store, kept, 'removed');
  await store.write(changes);
  assert.equal(entry.hidden, true);
  for (const again of [text, second, first]) assert.equal((await take(again)).hidden, true);
  const all = JSON.stringify([await store.list({ prefix: 'entry/' }), await store.list({ prefix: 'life/' })]);
  for (const word of words) assert.ok(!all.includes(word), word);
});

test('what is read from the archive changes what was read from there, and nothing that is known better', async () => {
  for (const [message, change, wanted] of [
    [false, false, 'pear'],
    [true, true, 'pear'],
    [true, false, 'pear'],
    [false, true, 'apple'],
  ] as const) {
    for (const isFirst of [true, false]) {
      const store = memoryStore();
      const log = logOf(
        [
          { is: 'text', by: 0, text: 'apple' },
          { is: 'edit', by: 0, at: 0, text: 'pear', emoji: '', on: true },
        ],
        false,
      ).map((entry, at) => ({ ...entry, archived: at === 0 ? message : change }));
      for (const entry of isFirst ? log : log.toReversed()) {
        const taken = await takeIn({ store, deviceId: id(99), logId: id(98) }, entry);
        await store.write([putEntry(taken.entry), ...taken.changes]);
      }
      const [kept] = await readAll(store, entrySchema, { prefix: keys.entry(ROOM, 1) });
      assert.equal(kept?.content?.text, wanted);
    }
  }
});

test('devices agree on what was changed, also after the server was restored from a backup', async () => {
  await fc.assert(fc.asyncProperty(fc.integer(), restoreOnce), {
    numRuns: Number(process.env.LIFE_RUNS ?? 15),
    includeErrorInReport: true,
  });
});

async function restoreOnce(seed: number): Promise<void> {
  const world = new World(seed);
  const { server, network, pick, chance, clock } = world;
  const ada = await world.device();
  const devices = [ada, await world.device({ userId: ada.userId }), await world.device()];
  const room = server.addRoom(ada.userId, devices[2]?.userId ?? '');
  for (const { client } of devices) await client.start();
  await world.settle(5_000);

  const texts: { userId: string; ref: { deviceId: string; clientId: string } }[] = [];
  const write = async (count: number) => {
    for (let n = 0; n < count; n += 1) {
      const { client, deviceId, userId } = devices[pick(3)] ?? ada;
      const target = texts[pick(texts.length)];
      const text = words[pick(words.length)] ?? '';
      const kind = target === undefined ? 0 : pick(6);
      if (target === undefined || kind < 2)
        texts.push({ userId, ref: { deviceId, clientId: await client.send(room, { type: 'text', text }) } });
      else if (kind < 3)
        await client.send(room, { type: 'reaction', target: target.ref, emoji: '👍', on: chance(0.5) });
      else if (target.userId === userId)
        await client.send(room, { type: kind < 5 ? 'edit' : 'delete', target: target.ref, text });
      for (let step = pick(8); step > 0; step -= 1) if (!network.step(pick)) await clock.advance(100);
      if (chance(0.3)) await clock.advance(pick(300));
    }
  };
  await write(4 + pick(8));
  if (chance(0.7)) await world.settle(5_000);
  const restore = server.backup();
  await write(2 + pick(8));
  if (chance(0.7)) await world.settle(5_000);
  network.breakAll();
  restore();
  await write(pick(6));
  await world.settle();

  const log = (server.rooms.get(room)?.log ?? []).map((entry) => ({
    ...entry,
    silent: false,
    hidden: false,
    content: JSON.parse(Buffer.from(entry.mls, 'base64url').toString()),
  }));
  for (const { client } of devices) {
    const reading = client.history(room, { limit: 100 });
    await world.settle(2_000);
    assert.deepEqual(seenIn((await reading).entries), expected(log));
  }
  assert.deepEqual(world.problems, []);
  for (const { client } of devices) await client.close();
}

test('what is deleted for everyone leaves the server too, through refusals and restarts; nobody else can bring that about', async () => {
  const world = new World(7);
  const { server, network } = world;
  const store = memoryStore();
  const ada = await world.device({ store });
  const bob = await world.device();
  const room = server.addRoom(ada.userId, bob.userId);
  const log = () => server.rooms.get(room);
  for (const { client } of [ada, bob]) await client.start();
  await world.settle(5_000);
  for (const text of ['apple', 'pear', 'plum']) await ada.client.send(room, { type: 'text', text });
  await world.settle(5_000);
  await bob.client.send(room, { type: 'text', text: 'fig' });
  await world.settle(5_000);
  await ada.client.edit(room, 1, 'fig');
  await ada.client.edit(room, 1, 'apple pie');
  await world.settle(5_000);

  await assert.rejects(bob.client.deleteForEveryone(room, 1), { code: 'forbidden' });
  await assert.rejects(bob.client.edit(room, 1, 'nothing'), { code: 'forbidden' });
  await assert.rejects(ada.client.edit(room, 99, 'nothing'), { code: 'not_found' });
  const target = { deviceId: ada.deviceId, clientId: log()?.log[1]?.clientId ?? '' };
  await bob.client.send(room, { type: 'delete', target });
  await ada.client.deleteForEveryone(room, 1);
  await world.settle(1_000);
  server.fault = () => ({ code: 'unavailable', stored: world.chance(0.5) });
  await ada.client.deleteForEveryone(room, 3);
  await world.settle(20_000);
  assert.ok(log()?.deleted.has(1) && log()?.deleted.has(5) && log()?.deleted.has(6), 'with its edits');
  assert.ok(!log()?.deleted.has(2), 'a forged deletion takes nothing off the server');
  // A session that ended is no answer either.
  server.fault = () => ({ code: 'unauthenticated', stored: false });
  await world.settle(5_000);
  ada.client.close().catch(() => undefined);
  network.breakAll();
  server.fault = () => ({});
  const again = await world.device({ store, device: ada });
  await again.client.start();
  await world.settle(60_000);
  assert.deepEqual([...(log()?.deleted ?? [])].sort(), [1, 3, 5, 6]);
  assert.deepEqual(await store.list({ prefix: keys.allErasures }), []);

  // The server says of everything that it is deleted: what devices hold stays.
  for (const seq of [2, 4]) log()?.deleted.add(seq);
  const late = await world.device({ userId: ada.userId });
  await late.client.start();
  for (const [client, texts] of [
    [again.client, ['pear', 'fig']],
    [bob.client, ['pear', 'fig']],
    [late.client, []],
  ] as const) {
    const reading = client.history(room, { limit: 100 });
    await world.settle(2_000);
    const { entries } = await reading;
    assert.deepEqual(
      entries.flatMap(({ content }) => content?.text ?? []),
      texts,
    );
    await client.close();
  }
  assert.deepEqual(world.problems, []);
});

test('what has expired is gone on every device by its own clock, also on one that was off, and does not come back', async () => {
  const world = new World(3);
  const { server, clock } = world;
  const store = memoryStore();
  const ada = await world.device();
  const bob = await world.device({ store });
  const room = server.addRoom(ada.userId, bob.userId);
  const changed: number[] = [];
  bob.client.on('changed', ({ seq, deleted }) => changed.push(deleted === true ? seq : -seq));
  for (const { client } of [ada, bob]) await client.start();
  await world.settle(5_000);
  await ada.client.send(room, { type: 'text', text: 'apple' });
  await world.settle(5_000);
  await ada.client.edit(room, 1, 'pear');
  const setting = ada.client.setExpiry(room, 60_000);
  await world.settle(5_000);
  await setting;
  assert.equal(bob.client.conversation(room)?.expireAfterMs, 60_000);
  await world.settle(70_000);
  await bob.client.send(room, { type: 'text', text: 'fig' });
  await world.settle(20_000);
  assert.deepEqual(changed, [-1, 1], 'edited, then expired');
  const textsIn = async () =>
    JSON.stringify([await store.list({ prefix: 'entry/' }), await store.list({ prefix: 'life/' })]);
  assert.ok(!(await textsIn()).includes('pear') && (await textsIn()).includes('fig'));
  assert.equal((await bob.client.search({ text: 'pear' })).hits.length, 0);

  await bob.client.close();
  await clock.advance(120_000);
  const again = await world.device({ store, device: bob });
  await again.client.start();
  await clock.advance(0);
  assert.ok(!(await textsIn()).includes('fig'), 'also without a connection');
  await world.settle(10_000);
  const reading = again.client.history(room);
  await world.settle(2_000);
  const { entries } = await reading;
  assert.deepEqual(
    entries.map(({ seq, deleted, content }) => [seq, deleted, content]),
    [
      [1, true, undefined],
      [3, true, undefined],
    ],
  );
  assert.deepEqual(world.problems, []);
  for (const { client } of [ada, again]) await client.close();
  await world.settle(1_000);
  assert.equal(clock.pending, 0, 'no timer keeps a closed program alive');
});

test('what is read back where expiry has passed already expires too', async () => {
  const world = new World(4);
  const { server } = world;
  const store = memoryStore();
  const ada = await world.device();
  const bob = await world.device();
  const room = server.addRoom(ada.userId, bob.userId);
  for (const { client } of [ada, bob]) await client.start();
  await world.settle(5_000);
  await ada.client.send(room, { type: 'text', text: 'plum' });
  await world.settle(20_000);
  const late = await world.device({ userId: bob.userId, store });
  await late.client.start();
  await world.settle(5_000);
  await ada.client.send(room, { type: 'text', text: 'fig' });
  await world.settle(5_000);
  const texts = async () => JSON.stringify(await store.list({ prefix: 'entry/' }));
  assert.ok((await texts()).includes('fig') && !(await texts()).includes('plum'));
  const agree = async (ms: number | null) => {
    const setting = ada.client.setExpiry(room, ms);
    await world.settle(90_000);
    await setting;
  };
  await agree(60_000);
  assert.ok(!(await texts()).includes('fig'));
  await agree(null);
  const reading = late.client.history(room);
  await world.settle(3_000);
  await reading;
  assert.ok((await texts()).includes('plum'), 'a server that forgets nothing');
  await agree(60_000);
  assert.ok(!(await texts()).includes('plum'));
  assert.deepEqual(world.problems, []);
  for (const { client } of [ada, bob, late]) await client.close();
});
