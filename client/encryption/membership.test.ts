import assert from 'node:assert/strict';
import { test } from 'node:test';
import { E2eeError } from '../e2ee/error.ts';
import { crossSign, type DirectoryDevice, generateAccountKey } from '../e2ee/identity.ts';
import { hasCode, newDevice, newUser, testEngine } from '../e2ee/testing.ts';
import { judge, vouched } from './membership.ts';

/** A directory in which the user has `devices` once it was asked again. */
function directoryOf(accountKey: Uint8Array, devices: readonly DirectoryDevice[]) {
  let asked = 0;
  return {
    asked: () => asked,
    known: async () => ({ accountKeys: [accountKey], devices: asked > 0 ? devices : [], revoked: [] }),
    refreshAll: async () => {
      asked += 1;
    },
  };
}

test('a device that the directory has not told of is asked for once more before it counts as a ghost', async () => {
  const { engine } = await testEngine();
  const account = await generateAccountKey();
  const userId = newUser();
  const { signer } = await newDevice(engine, userId);
  const { deviceId, publicKey: key } = signer;
  const crossSig = await crossSign(account, userId, deviceId, key);
  const members = [{ leafIndex: 0, userId, deviceId, signatureKey: key }];
  const rules = { users: [userId], self: signer };

  const late = directoryOf(account.publicKey, [{ deviceId, key, crossSig }]);
  assert.equal(await judge(late, members, rules), undefined);
  assert.equal(late.asked(), 1);
  assert.equal(await judge(directoryOf(account.publicKey, []), members, rules), 'ghost_device');
  const certain = directoryOf(account.publicKey, []);
  assert.equal(await judge(certain, members, { ...rules, users: [newUser()] }), 'third_person');
  assert.equal(certain.asked(), 0);
});

test('a step that meets an unvouched leaf is tried once more with the directory as of now, and no other', async () => {
  const directory = directoryOf(new Uint8Array(32), []);
  const step = (code: 'unvouched' | 'refused') => async () => {
    if (directory.asked() === 0 || code === 'refused') throw new E2eeError(code, code);
    return 'done';
  };
  await assert.rejects(vouched(directory, [], step('refused')), hasCode('refused'));
  assert.equal(directory.asked(), 0);
  assert.equal(await vouched(directory, [], step('unvouched')), 'done');
});
