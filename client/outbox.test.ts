import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ErrorCode } from '../protocol/codes.ts';
import { type MessageCodec, NotEncodable, plainCodec } from './codec.ts';
import { SottoError } from './errors.ts';
import type { MessageState } from './message-state.ts';
import { memoryStore } from './store.ts';
import { World } from './testing/world.ts';

async function setUp(seed: number, codec: MessageCodec = plainCodec) {
  const world = new World(seed);
  const ada = await world.device({ codec });
  const bob = await world.device();
  const room = world.server.addRoom(ada.userId, bob.userId);
  const states: string[] = [];
  ada.client.on('message', ({ state }) => states.push(describe(state)));
  await Promise.all([ada.client.start(), bob.client.start()]);
  await world.settle(2_000);
  const log = () => (world.server.rooms.get(room)?.log ?? []).map(({ mls }) => textOf(mls));
  const close = () => Promise.all([ada.client.close(), bob.client.close()]);
  return { world, ada, bob, room, states, log, close };
}

const textOf = (mls: string): unknown => JSON.parse(Buffer.from(mls, 'base64url').toString()).text;
const describe = (state: MessageState): string => {
  if (state.is === 'failed') return `failed ${state.reason.code}`;
  return state.is === 'pending' && state.waits ? `pending ${state.waits.code}` : state.is;
};

test('a message goes from pending through stored and delivered to read', async () => {
  const { world, ada, bob, room, states, close } = await setUp(1);
  await ada.client.send(room, { type: 'text', text: 'hello' });
  await world.settle(5_000);
  assert.deepEqual(states, ['pending', 'stored', 'delivered']);
  bob.client.read(room, 1);
  await world.settle(5_000);
  assert.equal(states.at(-1), 'read');
  await close();
});

test('an answer implies that its writer has read what came before', async () => {
  const { world, ada, bob, room, states, close } = await setUp(2);
  await ada.client.send(room, { type: 'text', text: 'question' });
  await world.settle(5_000);
  await bob.client.send(room, { type: 'text', text: 'answer' });
  await world.settle(5_000);
  assert.deepEqual(states, ['pending', 'stored', 'delivered', 'read']);
  await close();
});

test('an unknown outcome is asked for again with the same bytes, and nothing overtakes it', async () => {
  let encoded = 0;
  const codec: MessageCodec = {
    ...plainCodec,
    encode: (message) => {
      encoded += 1;
      return plainCodec.encode({ ...message, content: { ...message.content, try: encoded } });
    },
  };
  const { world, ada, room, log, close } = await setUp(3, codec);
  let faults = 3;
  world.server.fault = () => (faults-- > 0 ? { code: 'unavailable', stored: faults === 0 } : {});
  for (const text of ['one', 'two', 'three']) await ada.client.send(room, { type: 'text', text });
  await world.settle(60_000);
  assert.deepEqual(log(), ['one', 'two', 'three']);
  assert.equal(encoded, 3);
  await close();
});

test('a fault of the server is given up after nine in a row, however long it was away before', async () => {
  const { world, ada, room, states, log, close } = await setUp(15);
  let answers: ErrorCode[] = [...Array<ErrorCode>(12).fill('unavailable'), ...Array<ErrorCode>(8).fill('internal')];
  world.server.fault = () => {
    const code = answers.shift();
    return code === undefined ? {} : { code };
  };
  await ada.client.send(room, { type: 'text', text: 'patient' });
  await world.settle(600_000);
  assert.deepEqual(log(), ['patient']);
  answers = Array<ErrorCode>(9).fill('internal');
  await ada.client.send(room, { type: 'text', text: 'given up' });
  await world.settle(600_000);
  assert.equal(states.at(-1), 'failed internal');
  assert.deepEqual([log(), answers], [['patient'], []]);
  await close();
});

test('a definite refusal fails one message, and those behind it go on', async () => {
  const { world, ada, room, states, log, close } = await setUp(4);
  let code: ErrorCode | undefined = 'forbidden';
  world.server.fault = () => {
    const fault = code === undefined ? {} : { code };
    code = undefined;
    return fault;
  };
  const refused = await ada.client.send(room, { type: 'text', text: 'refused' });
  await ada.client.send(room, { type: 'text', text: 'next' });
  await world.settle(20_000);
  assert.deepEqual(log(), ['next']);
  assert.ok(states.includes('failed forbidden'));
  assert.deepEqual(
    ada.client.outgoing(room).map(({ failed }) => failed?.code),
    ['forbidden'],
  );
  await ada.client.retry(refused);
  await world.settle(20_000);
  assert.deepEqual(log(), ['next', 'refused']);
  assert.deepEqual(ada.client.outgoing(room), []);
  await assert.rejects(ada.client.discard(refused), { code: 'not_found' });
  await close();
});

test('a stale epoch is put right by the codec, and the message is encoded anew; without hope it fails', async () => {
  let encoded = 0;
  let recovered = 0;
  const codec: MessageCodec = {
    ...plainCodec,
    encode: (message) => {
      encoded += 1;
      return plainCodec.encode(message);
    },
    recover: async () => ++recovered < 3,
  };
  const { world, ada, room, states, close } = await setUp(8, codec);
  world.server.fault = () => ({ code: 'stale_epoch' });
  await ada.client.send(room, { type: 'text', text: 'old' });
  await world.settle(20_000);
  assert.deepEqual([encoded, recovered, states.at(-1)], [3, 3, 'failed stale_epoch']);
  await close();
});

test('what a codec cannot encode fails with the reason, and a failed message can be forgotten', async () => {
  const codec: MessageCodec = { ...plainCodec, encode: () => Promise.reject(new Error('no group')) };
  const { world, ada, room, states, close } = await setUp(9, codec);
  const clientId = await ada.client.send(room, { type: 'text', text: 'x' });
  await world.settle(20_000);
  assert.equal(states.at(-1), 'failed not_encoded');
  await ada.client.discard(clientId);
  assert.deepEqual(ada.client.outgoing(room), []);
  await close();
});

test('what a restored log lost is sent again to those whom the codec encoded it for, and to others only when asked to', async () => {
  let present = 'bob';
  const codec: MessageCodec = {
    ...plainCodec,
    encode: async ({ again, audience, ...message }) => {
      if (again === true && audience !== present) throw new NotEncodable('members_changed', 'others would read it');
      return { ...(await plainCodec.encode(message)), audience: present };
    },
  };
  const { world, ada, room, states, log, close } = await setUp(16, codec);
  const restore = world.server.backup();
  await ada.client.send(room, { type: 'text', text: 'for bob' });
  await world.settle(5_000);
  present = 'bob and kim';
  await ada.client.send(room, { type: 'text', text: 'for both' });
  await world.settle(5_000);
  for (let times = 1; times <= 2; times += 1) {
    world.network.breakAll();
    restore();
    await world.settle();
    assert.deepEqual(log(), ['for both']);
    assert.deepEqual(
      ada.client.outgoing(room).map(({ content, failed }) => [content.text, failed?.code]),
      [['for bob', 'members_changed']],
    );
  }
  assert.ok(states.includes('failed members_changed'));
  const [held] = ada.client.outgoing(room);
  await ada.client.retry(held?.clientId ?? '');
  await world.settle(5_000);
  assert.deepEqual(log(), ['for both', 'for bob']);
  await close();
});

test('a full disk delays, and loses nothing', async () => {
  const disk = memoryStore();
  let full = false;
  const store = {
    ...disk,
    write: (changes: Parameters<typeof disk.write>[0]) =>
      full ? Promise.reject(new Error('no space')) : disk.write(changes),
  };
  const world = new World(10);
  const [ada, bob] = [await world.device(), await world.device({ store })];
  const room = world.server.addRoom(ada.userId, bob.userId);
  await Promise.all([ada.client.start(), bob.client.start()]);
  await world.settle(2_000);
  full = true;
  for (const text of ['one', 'two']) await ada.client.send(room, { type: 'text', text });
  await world.settle(10_000);
  assert.deepEqual(bob.got.get(room), undefined);
  assert.equal(
    world.server.devices.get(bob.deviceId)?.cursors.get(room),
    undefined,
    'nothing is acknowledged that is not kept',
  );
  full = false;
  await world.settle(40_000);
  assert.deepEqual(bob.got.get(room), ['1 one', '2 two']);
  await Promise.all([ada.client.close(), bob.client.close()]);
});

test('what cannot be sent yet says what it waits for, and can be forgotten until it has been sent', async () => {
  let waitsFor: string | undefined = 'no_device';
  const codec: MessageCodec = {
    ...plainCodec,
    encode: (message) =>
      waitsFor === undefined
        ? plainCodec.encode(message)
        : Promise.reject(new SottoError('unavailable', 'nobody is there', { details: { waitsFor } })),
  };
  const { world, ada, room, states, log, close } = await setUp(11, codec);
  const [gone, kept] = [
    await ada.client.send(room, { type: 'text', text: 'gone' }),
    await ada.client.send(room, { type: 'text', text: 'kept' }),
  ];
  await world.settle(20_000);
  assert.deepEqual(states.toSorted(), ['pending', 'pending', 'pending no_device'], 'said once');
  assert.deepEqual(
    ada.client.outgoing(room).map(({ waits }) => waits),
    [{ code: 'no_device', message: 'nobody is there' }, undefined],
  );
  await ada.client.discard(gone);
  waitsFor = undefined;
  world.server.fault = () => ({ code: 'unavailable' });
  await world.settle(20_000);
  await assert.rejects(ada.client.discard(kept), { code: 'conflict' });
  await assert.rejects(ada.client.discard(gone), { code: 'not_found' });
  world.server.fault = () => ({});
  await world.settle(60_000);
  assert.deepEqual(log(), ['kept']);
  await close();
});
