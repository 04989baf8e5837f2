import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from './testing/world.ts';

test('pages of the past go both ways, full of what can be shown, and what was read stays readable offline', async () => {
  const world = new World(11);
  const { server, network } = world;
  const ada = await world.device();
  const bob = await world.device();
  const room = server.addRoom(ada.userId, bob.userId);
  for (const { client } of [ada, bob]) await client.start();
  await world.settle(5_000);
  const wanted: string[] = [];
  for (let n = 1; n <= 40; n += 1) {
    const clientId = await ada.client.send(room, { type: 'text', text: `m${n}` });
    wanted.push(`m${n}`);
    // Ten things in a row that are no message of their own.
    for (let times = n === 20 ? 10 : 0; times > 0; times -= 1)
      await ada.client.send(room, { type: 'edit', target: { deviceId: ada.deviceId, clientId }, text: `m${n}` });
  }
  await world.settle(20_000);
  const late = await world.device({ userId: bob.userId });
  await late.client.start();
  await world.settle(5_000);

  type Page = Parameters<typeof late.client.history>[1];
  const page = async (asked: Page) => {
    const reading = late.client.history(room, asked);
    await world.settle(3_000);
    const { entries, more, offline } = await reading;
    const seqs = entries.map(({ seq }) => seq);
    return { texts: entries.map(({ content }) => content?.text), more, offline, first: seqs[0], last: seqs.at(-1) };
  };
  const backwards = async () => {
    const texts: unknown[] = [];
    for (let before: number | undefined; ; ) {
      const found = await page(before === undefined ? { limit: 7 } : { before, limit: 7 });
      assert.ok(found.texts.length === 7 || !found.more, 'a full page, but for the last one');
      texts.unshift(...found.texts);
      before = found.first;
      if (!found.more) return texts;
    }
  };
  const forwards = async () => {
    const texts: unknown[] = [];
    for (let after = 0; ; ) {
      const found = await page({ after, limit: 7 });
      texts.push(...found.texts);
      after = found.last ?? after;
      if (!found.more) return texts;
    }
  };
  assert.deepEqual(await backwards(), wanted);
  assert.deepEqual(await forwards(), wanted);
  await assert.rejects(late.client.history(room, { before: 3, after: 1 }), { code: 'bad_request' });
  network.up = false;
  network.breakAll();
  await world.settle(1_000);
  assert.deepEqual([await backwards(), await forwards()], [wanted, wanted]);
  assert.equal((await page({ limit: 1 })).offline, true);
  assert.deepEqual(world.problems, []);
  for (const { client } of [ada, bob, late]) await client.close();
});
