// Runs in the page: random groups in which some members are this SDK's engine and the others OpenMLS. Whoever commits,
// everybody else has to follow; whoever speaks, everybody else has to read it.
// biome-ignore lint/style/noRestrictedImports: the oracle itself, which nothing else imports.
import * as openmls from '@wireapp/core-crypto/browser';
import { generateSigningKey } from '../e2ee/ed25519.js';
import { createTsMlsEngine } from '../e2ee/ts-mls-engine.js';

const {
  CipherSuite,
  ClientId,
  ConversationId,
  CoreCrypto,
  Credential,
  Database,
  DeviceId,
  initWasmModule,
  KeyPackage,
  Uuid,
  Welcome,
} = openmls;
const suite = CipherSuite.Mls128Dhkemx25519Aes128gcmSha256Ed25519;
const utf8 = (text) => new TextEncoder().encode(text);
const text = (bytes) => new TextDecoder().decode(bytes);
const domain = 'sotto.test';

/** A member of this SDK. */
async function ours(engine, groupId, userId, deviceId) {
  const signer = { userId, deviceId, ...(await generateSigningKey()) };
  const bundle = await engine.createKeyPackage(signer);
  let state;
  return {
    kind: 'sotto',
    deviceId,
    package: bundle.message,
    async create() {
      state = await engine.createGroup(signer, groupId);
    },
    async commit(change) {
      const made = await engine.commit(state, {
        adds: change.add && [change.add],
        removes: change.remove && [change.remove],
      });
      state = made.state;
      return made;
    },
    async join(welcome) {
      ({ state } = await engine.join(signer, welcome, [bundle]));
    },
    async follow(commit) {
      ({ state } = await engine.process(state, commit));
    },
    async say(words) {
      const { message, state: next } = await engine.encrypt(state, utf8(words), new Uint8Array());
      state = next;
      return message;
    },
    async hear(message) {
      const got = await engine.process(state, message);
      state = got.state;
      return `${got.sender.deviceId}: ${text(got.plaintext)}`;
    },
    members: () =>
      engine
        .members(state)
        .map((member) => member.deviceId)
        .sort(),
  };
}

/** A member of OpenMLS. */
async function theirs(conversationId, userId, deviceId) {
  const id = new ClientId(new Uuid(userId), new DeviceId(BigInt(`0x${deviceId}`)), domain);
  const core = CoreCrypto.new(await Database.inMemory());
  let bundle;
  let credential;
  await core.transaction(async (context) => {
    await context.mlsInit(id, {
      async sendCommitBundle(made) {
        bundle = made;
      },
      async prepareForTransport() {
        return new Uint8Array();
      },
    });
    credential = await context.addCredential(Credential.basic(suite, id));
  });
  const bare = (await core.transaction((context) => context.generateKeyPackage(credential))).serialize();
  return {
    kind: 'openmls',
    deviceId,
    // It hands out the bare package; on the wire it stands in an MLSMessage: version 1, wire format 5.
    package: Uint8Array.of(0, 1, 0, 5, ...bare),
    create: () => core.transaction((context) => context.createConversation(conversationId, credential)),
    async commit(change) {
      await core.transaction((context) =>
        change.add
          ? context.addClientsToConversation(conversationId, [new KeyPackage(change.add.slice(4))])
          : change.remove
            ? context.removeClientsFromConversation(conversationId, [change.victim])
            : context.updateKeyingMaterial(conversationId),
      );
      const welcome = bundle.welcome?.serialize();
      return { commit: bundle.commit, welcome };
    },
    join: (welcome) => core.transaction((context) => context.processWelcomeMessage(new Welcome(welcome))),
    follow: (commit) => core.transaction((context) => context.decryptMessage(conversationId, commit)),
    say: (words) => core.transaction((context) => context.encryptMessage(conversationId, utf8(words))),
    async hear(message, from) {
      const got = await core.transaction((context) => context.decryptMessage(conversationId, message));
      return `${from}: ${text(got.inner.plaintext)}`;
    },
  };
}

/** mulberry32: the same seed, the same group. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

async function walk({ seed, steps }) {
  const next = random(seed);
  const pick = (list) => list[Math.floor(next() * list.length)];
  const engine = await createTsMlsEngine(() => true);
  const groupId = utf8(`walk ${seed}`);
  const conversationId = new ConversationId(groupId);
  const ids = new Map();
  let made = 0;
  const someone = async (kind) => {
    made += 1;
    const userId = `${String(seed).padStart(8, '0')}-1111-4111-8111-${String(made).padStart(12, '0')}`;
    const deviceId = made.toString(16);
    ids.set(deviceId, new ClientId(new Uuid(userId), new DeviceId(BigInt(made)), domain));
    return kind === 'openmls' ? theirs(conversationId, userId, deviceId) : ours(engine, groupId, userId, deviceId);
  };
  // Begun here: groups that OpenMLS begins carry extensions of its maker, which this engine refuses on purpose.
  let members = [await someone('sotto')];
  const done = [];
  await members[0].create();
  for (let step = 0; step < steps; step += 1) {
    const by = pick(members);
    const chance = next();
    const change = {};
    let added;
    let victim;
    if (members.length < 3 || (chance < 0.4 && members.length < 9)) {
      added = await someone(next() < 0.5 ? 'openmls' : 'sotto');
      change.add = added.package;
    } else if (chance < 0.65) {
      victim = pick(members.filter((member) => member !== by));
      Object.assign(change, { remove: victim.deviceId, victim: ids.get(victim.deviceId) });
    }
    const what = `${by.kind} ${added ? `adds ${added.kind}` : victim ? `removes ${victim.kind}` : 'renews'}`;
    done.push(what);
    const during = async (who, action) => {
      try {
        return await action();
      } catch (error) {
        throw new Error(`seed ${seed}, step ${step}, ${what}, ${who}: ${error?.message ?? error}`);
      }
    };
    const { commit, welcome } = await during('making', () => by.commit(change));
    for (const member of members) {
      if (member !== by && member !== victim) await during(`${member.kind} follows`, () => member.follow(commit));
    }
    members = members.filter((member) => member !== victim);
    if (added) {
      await during('joining', () => added.join(welcome));
      members.push(added);
    }
    const speaker = pick(members);
    const message = await during('speaking', () => speaker.say(`words ${step}`));
    for (const member of members) {
      if (member === speaker) continue;
      const heard = await during(`${member.kind} hears ${speaker.kind}`, () => member.hear(message, speaker.deviceId));
      if (heard !== `${speaker.deviceId}: words ${step}`) throw new Error(`seed ${seed}, step ${step}: heard ${heard}`);
    }
    for (const member of members) {
      const expected = members.map(({ deviceId }) => deviceId).sort();
      if (member.members && `${member.members()}` !== `${expected}`)
        throw new Error(`seed ${seed}, step ${step}: members`);
    }
  }
  return done;
}

await initWasmModule('/core-crypto.wasm');
globalThis.oracle = { walk };
