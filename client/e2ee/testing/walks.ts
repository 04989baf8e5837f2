import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { utf8 } from '../bytes.ts';
import { type Device, newDevice, newUser, testEngine, text } from '../testing.ts';

const commits = 60;
const maxMembers = 6;

/** mulberry32: the same walk for the same seed, everywhere. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** A group whose members join, leave and renew themselves at random; all stay on one line, with states saved and restored. */
async function walk(seed: number): Promise<void> {
  const { engine, allow } = await testEngine();
  const next = random(seed * 7919);
  const below = (limit: number) => Math.floor(next() * limit);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const device = async () => {
    const made = await newDevice(engine, newUser());
    allow(made);
    return made;
  };
  const founder = await device();
  founder.state = await engine.createGroup(founder.signer, utf8(`walk ${seed}`));
  let members: Device[] = [founder];

  for (let step = 0; step < commits; step++) {
    const by = pick(members);
    const others = members.filter((member) => member !== by);
    const joining: Device[] = [];
    if (members.length < maxMembers && next() < 0.5) for (let i = below(3); i >= 0; i--) joining.push(await device());
    const leaving = others.length > 1 && next() < 0.35 ? [pick(others)] : [];
    const made = await engine.commit(by.now(), {
      adds: joining.map((one) => one.package.message),
      removes: leaving.map((one) => one.signer.deviceId),
    });
    for (const member of others) {
      const got = await engine.process(member.now(), made.commit);
      assert.ok(got.kind === 'commit' && got.added.length === joining.length && got.removed.length === leaving.length);
      member.state = got.state;
      got.erase();
    }
    for (const gone of leaving) assert.equal(gone.now().status, 'removed');
    by.state = made.state;
    made.erase();
    members = [...members.filter((member) => !leaving.includes(member)), ...joining];
    for (const one of joining) {
      assert.ok(made.welcome);
      one.state = (await engine.join(one.signer, made.welcome, [one.package])).state;
    }
    for (const member of members) {
      assert.deepEqual(engine.epochAuthenticator(member.now()), engine.epochAuthenticator(by.now()));
      assert.equal(engine.members(member.now()).length, members.length);
    }
    const restored = pick(members);
    restored.state = engine.restore(engine.save(restored.now()));
    const sender = pick(members);
    const sent = await engine.encrypt(sender.now(), utf8(`step ${step}`), utf8('aad'));
    sender.state = sent.state;
    for (const member of members) {
      if (member === sender) continue;
      const got = await engine.process(member.now(), sent.message);
      assert.ok(got.kind === 'application' && text(got.plaintext) === `step ${step}`);
      member.state = got.state;
      got.erase();
    }
  }
}

/** Side by side: a walk mostly waits for WebCrypto's threads. */
export function walks(seeds: readonly number[]): void {
  describe('random walks', { concurrency: 4 }, () => {
    for (const seed of seeds) {
      test(`${commits} random commits keep all members on one line, with states saved and restored (seed ${seed})`, () =>
        walk(seed));
    }
  });
}
