import { toBase64url, utf8 } from '../client/e2ee/bytes.ts';
import { generateSigningKey } from '../client/e2ee/ed25519.ts';
import type { E2eeEngine, GroupState } from '../client/e2ee/engine.ts';
import { type Envelope, openMessage, sealMessage } from '../client/e2ee/envelope.ts';
import { nextKey, type RingKey } from '../client/e2ee/key-ring.ts';
import { encodeSavedState } from '../client/e2ee/records.ts';
import { createTsMlsEngine } from '../client/e2ee/ts-mls-engine.ts';
import { type ClientStore, keyNumber } from '../client/store.ts';
import { groupIdBytes } from '../protocol/identity.ts';

/** A message of ordinary length; contents are padded to 256 bytes, so a shorter one costs the same. */
export const TEXT =
  'See you at the station at a quarter to eight, then; I will bring the tickets and something to read.';

/** Both ends of a direct conversation of two devices, in one process. */
export interface Talk {
  readonly conversationId: string;
  readonly historyKey: RingKey;
  readonly sender: { readonly userId: string; readonly deviceId: string };
  sending: GroupState;
  receiving: GroupState;
}

interface Sealed {
  readonly talk: Talk;
  readonly clientId: string;
  readonly envelope: Envelope;
}

export async function newTalks(count: number): Promise<{ engine: E2eeEngine; talks: Talk[] }> {
  const engine = await createTsMlsEngine(() => true);
  const talks: Talk[] = [];
  for (let i = 0; i < count; i += 1) {
    const [one, other] = [await newSigner(), await newSigner()];
    const conversationId = crypto.randomUUID();
    const bundle = await engine.createKeyPackage(other);
    const alone = await engine.createGroup(one, groupIdBytes(conversationId, 0));
    const { state, welcome } = await engine.commit(alone, { adds: [bundle.message] });
    if (welcome === undefined) throw new Error('a commit that adds makes a welcome');
    const joined = await engine.join(other, welcome, [bundle]);
    const historyKey = nextKey([], Date.now());
    talks.push({ conversationId, historyKey, sender: one, sending: state, receiving: joined.state });
  }
  return { engine, talks };
}

const newSigner = async () => ({
  userId: crypto.randomUUID(),
  deviceId: crypto.randomUUID(),
  ...(await generateSigningKey()),
});

/** Seals in all conversations at once, one after the other in each; what the SDK keeps goes into the store first. */
export async function sealAll(engine: E2eeEngine, talks: readonly Talk[], each: number, store?: ClientStore) {
  const sealed: Sealed[][] = await Promise.all(
    talks.map(async (talk) => {
      const made: Sealed[] = [];
      for (let n = 0; n < each; n += 1) {
        const { conversationId, historyKey } = talk;
        const clientId = crypto.randomUUID();
        const content = { type: 'text', text: TEXT } as const;
        const message = { conversationId, clientId, content, historyKey, accountHead: utf8('x'.repeat(32)) };
        const { envelope, state, erase } = await sealMessage(engine, talk.sending, message);
        const wire = { mls: toBase64url(envelope.mls), content: toBase64url(envelope.content) };
        await store?.write([
          { key: `outgoing/${conversationId}/${keyNumber(n)}`, value: { conversationId, clientId, content, wire } },
          stateChange(engine, conversationId, state),
        ]);
        erase();
        talk.sending = state;
        made.push({ talk, clientId, envelope });
      }
      return made;
    }),
  );
  return sealed;
}

/** Opens what `sealAll` made, each conversation in order; the text and the next state go into the store together. */
export async function openAll(engine: E2eeEngine, sealed: readonly (readonly Sealed[])[], store?: ClientStore) {
  await Promise.all(
    sealed.map(async (messages) => {
      for (const [n, { talk, clientId, envelope }] of messages.entries()) {
        const { conversationId, sender } = talk;
        const origin = { senderId: sender.userId, senderDeviceId: sender.deviceId };
        const opened = await openMessage(engine, talk.receiving, { conversationId, clientId, ...origin, ...envelope });
        if (!('text' in opened.content) || opened.content.text !== TEXT) throw new Error('another text came out');
        await store?.write([
          { key: `entry/${conversationId}/${keyNumber(n)}`, value: { conversationId, clientId, ...opened.content } },
          { key: `received/${conversationId}`, value: n },
          stateChange(engine, conversationId, opened.state),
        ]);
        opened.erase();
        talk.receiving = opened.state;
      }
    }),
  );
}

const stateChange = (engine: E2eeEngine, conversationId: string, state: GroupState) => ({
  key: `e2ee/group/${conversationId}`,
  value: { state: toBase64url(encodeSavedState(engine.save(state))) },
});
