import type { NotificationBody, NotificationType, RequestInput, RequestType } from '../../protocol/index.ts';
import { base64urlLength } from '../../protocol/scalars.ts';

const id = '0198aaaa-0000-7000-8000-000000000001';
const bytes = (length: number): string => 'A'.repeat(base64urlLength(length));
const tags = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${bytes(8).slice(2)}${'ABCDEFGH'[i]}A`);

/** One body of every request with every field given; each meets its schema. */
export const requestBodies: { readonly [Type in RequestType]: RequestInput<Type> } = {
  hello: { token: 'token', client: 'test' },
  ping: {},
  'session.renew': { token: 'token' },
  'conversation.open': { userId: id },
  'conversation.get': { conversationId: id },
  'conversation.list': { cursor: `1.${id}`, limit: 10 },
  'conversation.accept': { conversationId: id },
  'conversation.update': { conversationId: id, searchOnServer: true, expireAfterMs: 60_000 },
  'message.send': {
    conversationId: id,
    clientId: id,
    epoch: 0,
    mls: bytes(3),
    content: bytes(3),
    wrap: { v: 1, ct: bytes(40) },
    search: { v: 1, tags: tags(8) },
    silent: true,
  },
  'message.history': { conversationId: id, before: 5, limit: 10 },
  'message.delete': { conversationId: id, seq: 1 },
  'message.search': {
    queries: [
      {
        conversationId: id,
        keys: [{ v: 1, tags: [bytes(8)] }],
        senderId: id,
        sentFrom: '2026-11-01T00:00:00.000Z',
        sentBefore: '2026-12-01T00:00:00.000Z',
        before: 5,
      },
    ],
    limit: 10,
  },
  'receipt.read': { conversationId: id, seq: 1 },
  'profile.get': { userId: id },
  'profile.update': { displayName: 'Ada', about: 'me', avatar: { type: 'image/png', data: bytes(3) } },
  'user.find': { username: 'nobody' },
  'user.block': { userId: id },
  'user.unblock': { userId: id },
  'presence.set': { visible: true },
  'device.list': {},
  'device.revoke': { deviceId: id, signature: bytes(64) },
  'keys.register': {
    accountKey: bytes(32),
    accountKeySig: bytes(64),
    deviceKey: bytes(32),
    crossSig: bytes(64),
    packages: [bytes(3)],
    lastResort: bytes(3),
  },
  'keys.publish': { packages: [bytes(3)], lastResort: bytes(3) },
  'keys.devices': { userId: id },
  'keys.claim': { conversationId: id, deviceIds: [id] },
  'commit.send': {
    conversationId: id,
    clientId: id,
    baseEpoch: 0,
    groupId: bytes(20),
    commit: bytes(3),
    adds: [{ deviceId: id, ref: bytes(32) }],
    removes: [id],
    welcome: bytes(3),
  },
  'link.offer': { publicKey: bytes(32) },
  'link.accept': { linkId: id, sealed: bytes(3) },
  'recovery.put': { version: 1, blob: bytes(3), signature: bytes(64) },
  'recovery.get': {},
};

export const notificationBodies: { readonly [Type in NotificationType]: NotificationBody<Type> } = {
  ack: { conversationId: id, seq: 1 },
  'typing.set': { conversationId: id, typing: true },
  'welcome.ack': { id },
};

/** The body with one field wrong: which one, and how. Texts that may be anything are only given other types. */
export function* brokenBodies(body: object, above: readonly string[] = []): Generator<{ path: string; body: unknown }> {
  for (const [key, value] of Object.entries(body)) {
    const path = [...above, key];
    const wrongs = wrongFor(key, value);
    for (const wrong of wrongs) yield { path: path.join('.'), body: withField(body, key, wrong) };
    if (typeof value !== 'object' || value === null) continue;
    for (const inner of brokenBodies(value, path)) yield { path: inner.path, body: withField(body, key, inner.body) };
  }
}

function wrongFor(key: string, value: unknown): unknown[] {
  switch (typeof value) {
    case 'number':
      // Null is its word for never.
      if (key === 'expireAfterMs') return ['60000', -1, 0, 59_999, 60_000.5, 2 ** 53, {}, true];
      return ['1', null, -1, 1.5, 2 ** 53, {}, true];
    case 'boolean':
      return ['true', null, 0, {}];
    case 'string':
      if (value.length === 36 && value.includes('-'))
        return [17, null, '', 'not-an-id', `${value}0`, value.replace('-', '_'), {}];
      if (/^A+$/.test(value)) return [17, null, '', '!!!!', 'AAA=', 'AA AA', 'A', 'AB', {}, []];
      return [17, null, 'x'.repeat(3_000), {}];
    default:
      return key === 'avatar' ? ['x', 7, {}] : ['x', null, 7];
  }
}

function withField(body: object, key: string, value: unknown): unknown {
  if (Array.isArray(body)) return body.map((item: unknown, i) => (String(i) === key ? value : item));
  return { ...body, [key]: value };
}
