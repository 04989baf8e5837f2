import * as v from 'valibot';
import type { StoredMessage } from '../../protocol/index.ts';
import { delay } from '../clock.ts';
import type {
  Content,
  Decoded,
  EncodedMessage,
  MessageCodec,
  Outgoing,
  Peeked,
  SearchKeys,
  WireEntry,
} from '../codec.ts';
import { toBase64url } from '../e2ee/bytes.ts';
import { encodeContent, sendable, settings as settingsContent } from '../e2ee/content.ts';
import type { ConversationKey } from '../e2ee/conversation-keys.ts';
import { E2eeError } from '../e2ee/error.ts';
import { acceptVouched } from '../e2ee/group-checks.ts';
import { searchQuery } from '../e2ee/search-tags.ts';
import { createTsMlsEngine } from '../e2ee/ts-mls-engine.ts';
import { Emitter } from '../emitter.ts';
import { SottoError } from '../errors.ts';
import { backoffMs } from '../reconnect.ts';
import { checked } from '../requests.ts';
import { Archive } from './archive.ts';
import { Committing } from './committing.ts';
import { Controls } from './controls.ts';
import { describeGroup } from './describe.ts';
import { OwnDevice } from './device.ts';
import { KeyDirectory } from './directory.ts';
import type { EncryptionEvents } from './events.ts';
import { Groups } from './groups.ts';
import type { CodecHost } from './host.ts';
import { createIdentities } from './identities.ts';
import { createLinking } from './linking.ts';
import { Receiving } from './receiving.ts';
import { RecoveryKeeper } from './recovery.ts';
import { settingsOf } from './ring-rules.ts';
import { type ConversationSettings, KeyRings } from './rings.ts';
import { Sending } from './sending.ts';
import { Sharing } from './sharing.ts';
import { Welcomes } from './welcomes.ts';

/** Own devices see to it first; the others give them a moment. */
const OWN_DELAY_MS = 200;
const OTHERS_DELAY_MS = 1_500;

const outgoing = v.object({ content: sendable });

/** Without what others would not be told: nobody is to see more of a message than they. */
function checkedContent(given: Content): Content {
  const { content } = checked(outgoing, { content: given });
  try {
    encodeContent(content);
  } catch (error) {
    if (!(error instanceof E2eeError)) throw error;
    throw new SottoError('bad_request', `content: ${error.message}`, { details: { field: 'content' }, cause: error });
  }
  return content;
}

export type Encryption = ReturnType<typeof createEncryption>['encryption'];

/** The codec that encrypts, and what an application does about encryption. Give the codec to one client. */
export function createEncryption() {
  let built: ReturnType<typeof build> | undefined;
  const parts = () => {
    if (built === undefined) throw new Error('this codec is not in use by a client');
    return built;
  };
  const codec: MessageCodec = {
    attach(host) {
      if (built !== undefined) throw new Error('this codec is in use by another client');
      built = build(host);
    },
    check: checkedContent,
    encode: (message) => parts().encode(message),
    decode: (entry) => parts().decode(entry),
    peek: (entry) => parts().peek(entry),
    recover: (conversationId, error) => parts().recover(conversationId, error),
    settings: (conversationId) => parts().settings(conversationId),
    searchKeys: (conversationId, text) => parts().searchKeys(conversationId, text),
    setSettings: (conversationId, wanted) => parts().setSettings(conversationId, wanted),
  };
  const emitter = new Emitter<EncryptionEvents>((problem) => parts().host.onProblem(problem));
  return {
    codec,
    encryption: {
      on: <Name extends keyof EncryptionEvents>(name: Name, listener: (value: EncryptionEvents[Name]) => void) =>
        emitter.on(name, listener),
      get status() {
        return parts().device.status;
      },
      /** True on the device that has the account key: it links and revokes others. */
      get isPrimary() {
        return parts().device.isPrimary;
      },
      identities: () => parts().identities,
      linking: () => parts().linking,
      /** Renews this device's keys in a conversation's group. */
      renew: (conversationId: string) => parts().renew(conversationId),
      /** Begins a new group for a conversation that is unsafe or that this device was left out of. */
      startOver: (conversationId: string) => parts().startOver(conversationId),
      /** How a conversation is kept. Undefined while this device, which came late, was not told. */
      settings: (conversationId: string) => parts().settings(conversationId),
      /**
       * Changes it, for everyone in it and from here on. `strict`: a device reads nothing from before it joined.
       * `searchOnServer`: the server learns which messages share a word, never the word. Resolves when it is kept on this
       * device; a `settings` event tells, here and everywhere, when it holds.
       */
      setSettings: (conversationId: string, wanted: Partial<ConversationSettings>) =>
        parts().setSettings(conversationId, wanted),
      /** The search keys of a conversation that this device knows, oldest first. */
      searchRing: async (conversationId: string) => (await parts().rings.get(conversationId)).search,
      /** What is known of a conversation's group; six digits that all of its devices share, unless somebody lies. */
      group: (conversationId: string) => parts().describe(conversationId),
    },
  };

  function build(host: CodecHost) {
    const directory = new KeyDirectory(host, emitter);
    const engine = createTsMlsEngine(acceptVouched(directory.known));
    const device = new OwnDevice({ host, engine, directory, emitter });
    const rings = new KeyRings(host, () => recovery.touch());
    const ownKeys = { allConversationKeys: () => rings.all(), adoptConversationKeys: adopt };
    const recovery = new RecoveryKeeper({ host, directory, device, ownKeys, emitter });
    // Built when the engine is there, which takes a moment; every call of the codec waits for it.
    const ready = engine.then((made) => {
      const groups = new Groups(host, made, emitter);
      const known = { host, engine: made, directory, device, groups, rings, emitter, moved };
      const welcomes = new Welcomes(known);
      const committing = new Committing(known);
      const common = { ...known, welcomes };
      const sending: Sending = new Sending({ ...common, committing, sharing: () => sharing });
      const controls = new Controls({
        ...common,
        ready: (conversationId) => sending.ready(conversationId),
        recover: (conversationId, error) => sending.recover(conversationId, error),
      });
      const sharing = new Sharing({ ...common, controls });
      const archive = new Archive({ ...common, sharing });
      const receiving = new Receiving({ ...common, controls, sharing });
      return { ...common, committing, sending, controls, archive, receiving };
    });
    ready.catch(host.onProblem);

    const inTurn = async (conversationId: string, work: (made: Awaited<typeof ready>) => Promise<void>) => {
      const made = await ready;
      await host.turns.run(conversationId, () => work(made));
    };
    const maintain = (conversationId: string, renew = false) =>
      inTurn(conversationId, ({ sending }) => sending.maintain(conversationId, renew));

    function moved(conversationId: string): void {
      device.quietly(maintain(conversationId));
      device.quietly(ready.then(({ controls }) => controls.drive(conversationId)));
      host.pump(conversationId);
    }

    /** Waits for what stands in the way. */
    async function renew(conversationId: string): Promise<void> {
      for (;;) {
        try {
          return await maintain(conversationId, true);
        } catch (error) {
          if (!(error instanceof SottoError) || error.retry !== 'same' || host.signal.aborted) throw error;
          await delay(host.clock, error.retryAfterMs ?? OWN_DELAY_MS, host.signal);
        }
      }
    }

    /** Every conversation of these users, or every one there is, one after the other. */
    async function maintainAll(userId?: string): Promise<void> {
      const { groups, controls } = await ready;
      for (const id of await controls.conversations()) controls.drive(id);
      for (const id of await groups.all()) {
        if (host.signal.aborted || host.greeting() === undefined) return;
        if (userId !== undefined && host.conversation(id)?.members.every((member) => member.userId !== userId))
          continue;
        await maintain(id);
        host.pump(id);
      }
    }

    async function changed(userId: string): Promise<void> {
      directory.outdate(userId);
      const isOwn = userId === host.me().userId;
      if (isOwn) await device.review();
      const wait = isOwn ? host.random() * OWN_DELAY_MS : OWN_DELAY_MS + host.random() * OTHERS_DELAY_MS;
      await delay(host.clock, wait, host.signal);
      if (device.status === 'ready') await maintainAll(userId);
    }

    async function greeted(): Promise<void> {
      const session = host.greeting();
      const { committing, welcomes, controls } = await ready;
      directory.outdate();
      committing.connected();
      controls.connected();
      welcomes.connected();
      // Much waits for it, so a passing error is not left to the next session, which may be hours away.
      for (let tries = 0; session !== undefined && host.greeting() === session; tries += 1) {
        try {
          return await device.setUp();
        } catch (error) {
          if (!(error instanceof SottoError) || error.retry !== 'same' || host.signal.aborted) throw error;
          const pause = backoffMs(tries, host.random());
          await delay(host.clock, Math.max(error.retryAfterMs ?? 0, pause), host.signal);
        }
      }
    }

    emitter.on('settings', ({ conversationId, byDeviceId }) => host.agreed(conversationId, byDeviceId));
    host.on('connection', (state) => {
      if (state.is === 'syncing') device.quietly(greeted());
      if (state.is === 'ready') recovery.touch();
      if (state.is === 'ready')
        device.quietly(device.settled.then(() => (device.status === 'ready' ? maintainAll() : undefined)));
    });
    emitter.on('status', (status) => {
      if (status === 'ready') for (const { id } of host.conversations()) host.pump(id);
      if (status === 'ready') recovery.touch();
    });
    host.on('device.changed', ({ userId }) => device.quietly(changed(userId)));
    host.on('keys.low', ({ oneTime }) => device.quietly(device.restock(oneTime)));
    host.on('welcome.new', (welcome) => {
      const { conversationId } = welcome;
      const take = async () => {
        (await ready).welcomes.put(welcome);
        await device.settled;
        await inTurn(conversationId, async ({ groups, welcomes }) => {
          const group = await groups.get(conversationId);
          const first = group.state === undefined ? welcomes.first(conversationId, group) : undefined;
          welcomes.settle(
            conversationId,
            first === undefined ? group : await welcomes.join(conversationId, group, first),
          );
        });
        moved(conversationId);
      };
      device.quietly(take());
    });

    async function startOver(conversationId: string): Promise<void> {
      const { conversation } = await host.request('conversation.get', { conversationId });
      await inTurn(conversationId, async ({ groups, sending, committing }) => {
        const group = await groups.get(conversationId);
        if (conversation.epoch === 0) throw new E2eeError('refused', 'The conversation has no group yet.');
        if ((await groups.pending(conversationId)) === undefined)
          await sending.startOver(conversationId, group, conversation.epoch);
        device.quietly(committing.drive(conversationId));
      });
    }

    async function adopt(given: readonly ConversationKey[]): Promise<void> {
      for (const conversationId of await rings.adopt(given)) emitter.emit('archive', { conversationId });
    }

    async function settings(conversationId: string): Promise<ConversationSettings | undefined> {
      const { groups } = await ready;
      return host.turns.run(conversationId, async () =>
        settingsOf(await rings.get(conversationId), await groups.get(conversationId)),
      );
    }

    /** Resolves when it is kept; the `settings` event tells when it holds. */
    async function setSettings(conversationId: string, wanted: Partial<ConversationSettings>): Promise<void> {
      const { type: _, ...valid } = checked(settingsContent, { ...wanted, type: 'settings' });
      if (Object.keys(valid).length === 0) throw new SottoError('bad_request', 'settings: there is nothing to change');
      if (host.conversation(conversationId) === undefined)
        throw new SottoError('not_found', 'this device knows no such conversation');
      const { controls } = await ready;
      await host.turns.run(conversationId, async () =>
        host.write(await controls.want(conversationId, { is: 'settings', ...valid })),
      );
      controls.drive(conversationId);
    }

    async function describe(conversationId: string) {
      const { groups, engine: made } = await ready;
      return host.turns.run(conversationId, async () => {
        const { state, unsafe } = await groups.get(conversationId);
        return describeGroup(made, state, unsafe);
      });
    }

    return {
      host,
      device,
      rings,
      identities: createIdentities({ host, directory, device, recovery, accepted: acceptedIdentity }),
      linking: createLinking({ host, directory, device, ownKeys, emitter }),
      ownKeys,
      settings,
      setSettings,
      renew,
      startOver,
      describe,
      async encode(message: Outgoing): Promise<EncodedMessage> {
        const { sending } = await ready;
        return sending.encode(message);
      },
      async decode(entry: WireEntry): Promise<Decoded> {
        const { receiving } = await ready;
        await device.settled;
        if ('commit' in entry) return receiving.commit(entry);
        return entry.deleted === true ? receiving.forgotten(entry) : receiving.message(entry);
      },
      async peek(entry: StoredMessage): Promise<Peeked> {
        const { archive } = await ready;
        return archive.read(entry);
      },
      async searchKeys(conversationId: string, text: string): Promise<SearchKeys | undefined> {
        const { search } = await rings.get(conversationId);
        return searchQuery(conversationId, search, text)?.map(({ v, tags }) => ({
          v,
          // The order of the words is nobody's business.
          tags: tags.map(toBase64url).sort(),
        }));
      },
      async recover(conversationId: string, error: SottoError): Promise<boolean> {
        const { sending } = await ready;
        return sending.recover(conversationId, error);
      },
    };

    /** What was refused for an identity that is accepted now is done after all. */
    async function acceptedIdentity(userId: string): Promise<void> {
      const { groups } = await ready;
      for (const id of await groups.all()) {
        const { state, unsafe, users } = await host.turns.run(id, () => groups.get(id));
        if (unsafe === 'ghost_device' && state !== undefined && users.includes(userId)) await startOver(id);
      }
      await maintainAll(userId);
    }
  }
}
