import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { test } from 'node:test';
import * as v from 'valibot';
import { toBase64url } from '../client/e2ee/bytes.ts';
import { searchQuery } from '../client/e2ee/search-tags.ts';
import { keys as recordKeys, ringsRecord } from '../client/encryption/records.ts';
import { type ClientOptions, type ClientStore, memoryStore, type OpenSocket } from '../client/index.ts';
import { openNodeSocket } from '../client/node/socket.ts';
import { firstPhone, has, joined, linkPhone, meet, words } from './testing/encrypted.ts';
import { PASSWORD, type RunningServer, runServer, until } from './testing/running-server.ts';

/** Everything that crossed the wire, as the server saw it. */
class Wire {
  readonly frames: string[] = [];
  readonly calls: string[] = [];

  readonly openSocket: OpenSocket = (url, events) => {
    const socket = openNodeSocket(url, {
      ...events,
      text: (frame) => {
        this.frames.push(frame);
        events.text(frame);
      },
    });
    return {
      close: () => socket.close(),
      send: (frame) => {
        this.frames.push(frame);
        socket.send(frame);
      },
    };
  };

  readonly fetch: typeof fetch = async (input, init) => {
    const answer = await fetch(input, init);
    this.calls.push(
      JSON.stringify([String(input), init?.body, [...new Headers(init?.headers)]]),
      await answer.clone().text(),
    );
    return answer;
  };

  get options(): Partial<ClientOptions> {
    return { openSocket: this.openSocket, fetch: this.fetch };
  }
}

/** Every row of every table as text, and its byte strings also as bytes. */
async function dump({ sql }: RunningServer): Promise<Buffer> {
  const tables = await sql`select tablename as name from pg_tables where schemaname = 'public'`;
  const parts: Buffer[] = [];
  for (const { name } of tables) {
    for (const { row } of await sql`select t::text as row from ${sql(String(name))} t`) {
      const text = String(row);
      parts.push(Buffer.from(text));
      for (const [, hex] of text.matchAll(/\\x([0-9a-f]+)/g)) parts.push(Buffer.from(hex ?? '', 'hex'));
    }
  }
  return Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]));
}

/** The ways in which bytes may be written down; base64 at each of its three alignments. */
function spellings(secret: Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret);
  const hex = bytes.toString('hex');
  const found = [bytes, Buffer.from(hex), Buffer.from(hex.toUpperCase())];
  for (const shift of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(shift), bytes]);
    // Only the characters that the secret alone decides.
    const first = Math.ceil((shift * 8) / 6);
    const last = Math.floor((shifted.length * 8) / 6);
    for (const encoding of ['base64', 'base64url'] as const)
      found.push(Buffer.from(shifted.toString(encoding).slice(first, last)));
  }
  return found;
}

const finds = (haystack: Buffer, secret: Uint8Array): boolean =>
  spellings(secret).some((spelling) => haystack.includes(spelling));

/** The private keys a device keeps: whatever stands under a telling name, and key packages' private halves. */
async function privateKeysOf(store: ClientStore): Promise<Buffer[]> {
  const found: Buffer[] = [];
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [name, part] of Object.entries(value)) {
      if ((name === 'privateKey' || name === 'secret') && typeof part === 'string') {
        const bytes = Buffer.from(part, 'base64url');
        // An Ed25519 key in PKCS #8 ends with its 32 secret bytes.
        found.push(name === 'privateKey' ? bytes.subarray(-32) : bytes);
      } else look(part);
    }
  };
  for (const { value } of await store.list({ prefix: 'e2ee/' })) look(value);
  return found;
}

/** The history and search keys a device keeps. */
async function ringKeysOf(store: ClientStore): Promise<Buffer[]> {
  const kept = await store.list({ prefix: recordKeys.allRings });
  return kept.flatMap(({ value }) => {
    const { history, search } = v.parse(ringsRecord, value);
    return [...history, ...search].map(({ key }) => Buffer.from(key));
  });
}

test('the server never has a plaintext, a content key, a history or search key, a private key, a password or a token', async (t) => {
  // Content keys and link secrets are 32 random bytes; whatever is drawn on the devices' side is noted.
  const drawn: Uint8Array[] = [];
  const getRandomValues = webcrypto.getRandomValues.bind(webcrypto);
  t.mock.method(globalThis.crypto, 'getRandomValues', (array: Uint8Array) => {
    getRandomValues(array);
    if (array instanceof Uint8Array && array.length === 32) drawn.push(array.slice());
    return array;
  });

  const server = await runServer(t, { REQUIRE_MLS: 'true', LOG_LEVEL: 'trace' });
  const wire = new Wire();
  const stores = [memoryStore(), memoryStore(), memoryStore()] as const;
  const [ada, bob] = await Promise.all([
    firstPhone(t, server, 'ada', { ...wire.options, store: stores[0] }),
    firstPhone(t, server, 'bob', { ...wire.options, store: stores[1] }),
  ]);
  const id = await meet(ada, bob);
  const tablet = await linkPhone(t, server, 'ada', ada, { ...wire.options, store: stores[2] });
  await joined(id, tablet, ada, bob);
  const said = ['the treasure is under the third oak', 'nobody must know of the third oak', 'über alle Berge 東京'];
  for (const [n, phone] of [ada, bob, tablet].entries()) await phone.client.send(id, words(said[n] ?? ''));
  for (const text of said) await has(text, ada, bob, tablet);
  const { entries } = await tablet.client.history(id);
  assert.ok(entries.some(({ archived, content }) => archived === true && content?.text === 'hello'));
  const first = ada.got.find(({ content }) => content?.text === said[0]);
  const target = { deviceId: first?.senderDeviceId ?? '', clientId: first?.clientId ?? '' };
  await ada.client.send(id, { type: 'edit', target, text: 'the treasure is gone' });
  // The recovery key is drawn here too, and the account key goes to the server under it.
  await ada.client.encryption.identities().recoveryKey();
  await ada.client.encryption.identities().revoke(tablet.deviceId);
  await bob.client.send(id, words('then we are poor'));
  await has('then we are poor', ada, bob);
  await ada.client.request('conversation.update', { conversationId: id, searchOnServer: true });
  let agreed = false;
  bob.client.encryption.on('settings', () => (agreed = true));
  await ada.client.encryption.setSettings(id, { searchOnServer: true });
  await until([ada.client, bob.client], () => agreed, 'bob knows');
  await bob.client.send(id, words('perhaps below the lighthouse'));
  await has('perhaps below the lighthouse', ada, bob);
  const query = searchQuery(id, await ada.client.encryption.searchRing(id), 'lighthouse') ?? [];
  const asked = query.map(({ v: version, tags }) => ({ v: version, tags: tags.map(toBase64url) }));
  const { matches } = await ada.client.request('message.search', { queries: [{ conversationId: id, keys: asked }] });
  assert.equal(matches.length, 1);

  // One message is deleted: then its ciphertext is nowhere either.
  const [doomed] = await server.sql`select seq, mls, content from conversation_log
    where conversation_id = ${id} and wrap is not null and sender_device_id = ${ada.deviceId} order by seq limit 1`;
  const ciphertexts: Buffer[] = [doomed?.mls, doomed?.content];
  const before = await dump(server);
  for (const ciphertext of ciphertexts) assert.ok(finds(before, ciphertext), 'it was there');
  await ada.client.request('message.delete', { conversationId: id, seq: Number(doomed?.seq) });

  const plaintexts = [...said, 'the treasure is gone', 'then we are poor', 'third oak', 'lighthouse'].map((text) =>
    Buffer.from(text),
  );
  const ringKeys = (await Promise.all(stores.map(ringKeysOf))).flat();
  assert.ok(ringKeys.length >= 5, 'history keys from before and after the removal, and a search key');
  const privateKeys = (await Promise.all(stores.map(privateKeysOf))).flat();
  assert.ok(privateKeys.length > 100, 'device keys, account keys and key packages of three devices');
  assert.ok(drawn.length >= 6, 'a content key for each message');
  const tokens = await Promise.all(
    stores.map(async (store) => {
      const session = await store.get('session');
      return typeof session === 'object' && session !== null
        ? Object.entries(session).flatMap(([name, value]) =>
            /^(access|refresh)Token$/.test(name) ? [Buffer.from(String(value))] : [],
          )
        : [];
    }),
  );
  assert.ok(tokens.flat().length >= 4);

  const tables = await dump(server);
  const logs = Buffer.from(server.output());
  const frames = Buffer.from(wire.frames.join('\n'));
  const calls = Buffer.from(wire.calls.join('\n'));
  assert.ok(
    tables.includes(Buffer.from(ada.deviceId)) && frames.includes(Buffer.from(id)),
    'there is something to look through',
  );
  // The search finds what is there: a device's public key lies in the tables as bytes, and in frames as base64url.
  const [known] = await server.sql`select key from device_keys where device_id = ${ada.deviceId}`;
  assert.ok(finds(tables, known?.key) && finds(frames, known?.key));

  const secrets = { plaintexts, privateKeys, ringKeys, drawn };
  for (const [where, haystack] of Object.entries({ tables, logs, frames, calls })) {
    for (const [what, list] of Object.entries(secrets)) {
      for (const secret of list) assert.ok(!finds(haystack, secret), `${what} in ${where}`);
    }
  }
  for (const [where, haystack] of Object.entries({ tables, logs })) {
    for (const ciphertext of ciphertexts) assert.ok(!finds(haystack, ciphertext), `a deleted ciphertext in ${where}`);
  }
  // A login has to show a password, and a session its token: over the wire, and nowhere else.
  for (const [where, haystack] of Object.entries({ tables, logs })) {
    for (const secret of [Buffer.from(PASSWORD), ...tokens.flat()])
      assert.ok(!finds(haystack, secret), `a password or token in ${where}`);
  }
  for (const token of tokens.flat()) assert.ok(finds(calls, token), 'the tokens are the ones that were given out');
});
