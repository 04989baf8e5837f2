// What this side makes and what the server reads in it without a key: both must see one group.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupIdBytes } from '../../protocol/identity.ts';
import { readCommit } from '../../server/mls/commit.ts';
import { judgeCommit } from '../../server/mls/judge-commit.ts';
import { checkKeyPackage } from '../../server/mls/key-package.ts';
import { type Leaf, newGroup } from '../../server/mls/leaves.ts';
import { readMessageHeader } from '../../server/mls/message.ts';
import { checkWelcome } from '../../server/mls/welcome.ts';
import { toBase64url } from './bytes.ts';
import { sealMessage } from './envelope.ts';
import { type Device, newDevice, newUser, testEngine } from './testing.ts';

test('the server accepts key packages, commits, welcomes and messages, and keeps the same leaves as the members', async () => {
  const { engine, allow } = await testEngine();
  const conversationId = newUser();
  const groupId = { conversationId, generation: 0 };
  const device = async () => {
    const made = await newDevice(engine, newUser());
    allow(made);
    return made;
  };
  const publish = ({ signer }: Device, message: Uint8Array) =>
    checkKeyPackage(message, { ...signer, deviceKey: signer.publicKey, now: Date.now() });

  const founder = await device();
  const spare = await engine.createKeyPackage(founder.signer, { lastResort: true });
  assert.deepEqual(
    [publish(founder, spare.message), publish(founder, founder.package.message)].map(({ lastResort }) => lastResort),
    [true, false],
  );
  founder.state = await engine.createGroup(founder.signer, groupIdBytes(conversationId, 0));
  let members = [founder];
  let leaves: readonly Leaf[] = newGroup(founder.signer.deviceId);

  // How many join and which places leave: holes in the tree, filled again, and two steps at once.
  const steps: readonly (readonly [number, readonly number[]])[] = [
    [3, []],
    [1, [1]],
    [0, [2, 3]],
    [2, []],
    [0, []],
    [3, [1, 4]],
    [0, [1]],
    [1, []],
    [2, [2, 3]],
    [0, []],
    [4, [1]],
  ];
  for (const [joins, leaving] of steps) {
    const by = members[0] ?? founder;
    const gone = leaving.map((place) => members[place]).filter((member) => member !== undefined);
    const joining: Device[] = [];
    for (let i = 0; i < joins; i++) joining.push(await device());
    for (const one of joining) assert.deepEqual(publish(one, one.package.message).ref, Buffer.from(one.package.ref));
    const adds = joining.map((one) => ({ deviceId: one.signer.deviceId, ref: one.package.ref }));
    const removes = gone.map((one) => one.signer.deviceId);
    const made = await engine.commit(by.now(), { adds: joining.map((one) => one.package.message), removes });
    const judged = judgeCommit(readCommit(made.commit), {
      groupId,
      baseEpoch: by.now().epoch,
      leaves,
      adds,
      removes,
      sender: { userId: by.signer.userId, deviceId: by.signer.deviceId, deviceKey: by.signer.publicKey },
    });
    if (made.welcome)
      checkWelcome(
        made.welcome,
        adds.map(({ ref }) => ref),
      );
    by.state = made.state;
    members = [...members.filter((member) => !gone.includes(member)), ...joining];
    leaves = judged.leaves;
    const seen = engine.members(by.now()).map(({ deviceId, leafIndex }) => `${leafIndex} ${deviceId}`);
    assert.deepEqual(leaves.map(({ deviceId, leafIndex }) => `${leafIndex} ${deviceId}`).sort(), seen.sort());
    const sealed = await sealMessage(engine, by.now(), {
      conversationId,
      clientId: newUser(),
      content: { type: 'text', text: 'x' },
    });
    by.state = sealed.state;
    assert.deepEqual(readMessageHeader(toBase64url(sealed.envelope.mls)), { ...groupId, epoch: sealed.envelope.epoch });
  }
});
