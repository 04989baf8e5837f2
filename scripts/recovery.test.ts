import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import * as v from 'valibot';
import { toBase64url } from '../client/e2ee/bytes.ts';
import type { ConversationKey } from '../client/e2ee/conversation-keys.ts';
import { generateAccountKey, signRecovery } from '../client/e2ee/identity.ts';
import { openRecovery, sealRecovery } from '../client/e2ee/recovery.ts';
import { generateRecoveryKey, parseRecoveryKey } from '../client/e2ee/recovery-key.ts';
import { keys, signingKey } from '../client/encryption/records.ts';
import { memoryStore } from '../client/index.ts';
import {
  clients,
  firstPhone,
  has,
  link,
  linkPhone,
  meet,
  type Phone,
  phoneOf,
  start,
  words,
} from './testing/encrypted.ts';
import { PASSWORD, patiently, type RunningServer, runServer, until } from './testing/running-server.ts';

/** Another device of the same person, which nobody vouches for. */
async function stranger(t: TestContext, server: RunningServer, username: string): Promise<Phone> {
  const client = phoneOf(t, server);
  await patiently(() => client.login({ login: username, password: PASSWORD, deviceName: 'new' }));
  const phone = await start(client);
  await until([client], () => client.encryption.status === 'unlinked', 'it knows that it has no keys');
  return phone;
}

const refused = { name: 'E2eeError', code: 'refused' };

test('the recovery key', async (whole) => {
  const server = await runServer(whole, { REQUIRE_MLS: 'true' });
  const { sql } = server;
  const stored = async ({ userId }: Phone) =>
    (await sql`select version, blob, signature from recovery_blobs where user_id = ${userId}`)[0];

  await whole.test('brings the account back to somebody who lost every device, and to nobody else', async (t) => {
    const [ada, bob] = await Promise.all([firstPhone(t, server, 'ada'), firstPhone(t, server, 'bob')]);
    const id = await meet(ada, bob);
    const told: string[] = [];
    ada.client.encryption.on('identity', ({ is }) => told.push(is));
    const recoveryKey = await bob.client.encryption.identities().recoveryKey();
    assert.equal(
      await bob.client.encryption.identities().recoveryKey(),
      recoveryKey,
      'the same until another is wanted',
    );
    await bob.client.close();

    const fresh = await stranger(t, server, 'bob');
    const identities = fresh.client.encryption.identities();
    await assert.rejects(identities.recoveryKey(), refused);
    await assert.rejects(identities.recover(recoveryKey.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))), {
      code: 'malformed',
    });
    // A server that gives out an old blob as the newest, another person's, or none.
    const [kept, adas] = [await stored(bob), randomBytes(64)];
    const give = (row: object) => sql`update recovery_blobs set ${sql(row)} where user_id = ${bob.userId}`;
    await give({ version: 9 });
    await assert.rejects(identities.recover(recoveryKey), refused);
    const foreign = await sealRecovery(generateRecoveryKey(), ada.userId, {
      account: await generateAccountKey(),
      keys: [],
      version: 1,
      sealedAt: 0,
      holders: [],
    });
    await give({ version: 1, blob: Buffer.from(foreign), signature: adas });
    await assert.rejects(identities.recover(recoveryKey), { code: 'undecryptable' });
    await sql`delete from recovery_blobs where user_id = ${bob.userId}`;
    await assert.rejects(identities.recover(recoveryKey), refused);
    assert.equal(fresh.client.encryption.status, 'unlinked');

    await sql`insert into recovery_blobs ${sql({ user_id: bob.userId, ...kept })}`;
    const back = await identities.recover(recoveryKey);
    assert.equal(back.account, true);
    assert.deepEqual(back.others, [bob.deviceId]);
    assert.deepEqual([back.conversations, back.gone], [[id], []]);
    const { entries } = await fresh.client.history(id, { limit: 50 });
    assert.deepEqual(
      entries.map(({ content, archived }) => [content?.text, archived]),
      [['hello', true]],
      'what was said before can be read again',
    );
    assert.equal(fresh.client.encryption.isPrimary, true);
    await fresh.client.send(id, words('it is still me'));
    await has('it is still me', ada, fresh);
    assert.deepEqual(told, []);
  });

  await whole.test('is known to be the newest, or known not to be', async (t) => {
    const store = memoryStore();
    const kim = await firstPhone(t, server, 'kim', { store });
    const first = await kim.client.encryption.identities().recoveryKey();
    const old = await stored(kim);
    const second = await kim.client.encryption.identities().newRecoveryKey();
    assert.notEqual(first, second);
    await kim.client.close();

    // A server that goes back to what it was given first is found out, and given the newest again.
    await sql`update recovery_blobs set ${sql({ ...old })} where user_id = ${kim.userId}`;
    const again = phoneOf(t, server, { store });
    const told: string[] = [];
    again.encryption.on('recovery', ({ is }) => told.push(is));
    await start(again);
    await until([again], () => told.length > 0, 'it is told');
    assert.deepEqual(told, ['rolled_back']);
    assert.equal(await again.encryption.identities().recoveryKey(), second);
    const fresh = await stranger(t, server, 'kim');
    await assert.rejects(fresh.client.encryption.identities().recover(first), { code: 'undecryptable' });
    assert.equal((await fresh.client.encryption.identities().recover(second)).account, true);

    // Both have the account key now; the one that was not asked learns of the third recovery key, and lets it be.
    const third = await fresh.client.encryption.identities().newRecoveryKey();
    await assert.rejects(again.encryption.identities().recoveryKey(), refused);
    assert.deepEqual(told, ['rolled_back', 'elsewhere']);

    // More keys than a frame holds go over HTTP, both ways.
    const { account } = v.parse(v.object({ account: signingKey }), await store.get(keys.identity));
    const past: ConversationKey[] = Array.from({ length: 1_500 }, (_, n) => ({
      conversationId: `00000000-0000-4000-8000-00000000000${n % 3}`,
      kind: 'history',
      v: Math.floor(n / 3) + 1,
      key: new Uint8Array(randomBytes(32)),
    }));
    const version = Number((await stored(kim))?.version) + 1;
    const large = { account, keys: past, version, sealedAt: Date.now(), holders: [] };
    const blob = await sealRecovery(parseRecoveryKey(third) ?? new Uint8Array(), kim.userId, large);
    await fresh.client.http.putRecovery(await fresh.client.accessToken(), {
      version,
      blob: toBase64url(blob),
      signature: toBase64url(await signRecovery(account, kim.userId, version, blob)),
    });
    assert.equal(await fresh.client.encryption.identities().recoveryKey(), third);
    const merged = await stored(kim);
    assert.equal(merged?.version, version + 1, 'what another device had put is kept, and put together with its own');
    const opened = await openRecovery(parseRecoveryKey(third) ?? new Uint8Array(), kim.userId, merged?.blob);
    assert.ok(merged?.blob.length > 64 * 1024 && opened.keys.length === past.length);

    // A new identity leaves only the past to it.
    const tablet = await linkPhone(t, server, 'kim', fresh);
    const other = await stranger(t, server, 'kim');
    await other.client.encryption.identities().reset();
    await until(clients(tablet), () => tablet.client.encryption.status === 'unlinked', 'the tablet sees the reset');
    assert.equal((await tablet.client.encryption.identities().recover(third)).account, false);
    assert.equal(tablet.client.encryption.status, 'unlinked');

    // Who had the account key before is a device like any other once it is linked to the new identity.
    const late = { ...fresh, client: again };
    await assert.rejects(again.encryption.identities().revoke(fresh.deviceId), refused);
    await link(late, other);
    assert.equal(again.encryption.isPrimary, false);
    const record = JSON.stringify(await store.get(keys.identity));
    assert.ok(!record.includes('"account"'), 'the old account key is gone from its store');
  });
});
