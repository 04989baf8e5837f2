import { toBase64url, utf8 } from '../client/e2ee/bytes.ts';
import { generateSigningKey } from '../client/e2ee/ed25519.ts';
import { sealMessage } from '../client/e2ee/envelope.ts';
import { nextKey } from '../client/e2ee/key-ring.ts';
import { createTsMlsEngine } from '../client/e2ee/ts-mls-engine.ts';
import { groupIdBytes } from '../protocol/identity.ts';
import type { MessageText } from './driver/dialect.ts';

/** Whose device sends, and where. 2k and 2k + 1 share a conversation. */
export interface Sender {
  readonly userId: string;
  readonly deviceId: string;
  readonly conversationId: string;
}

/** Ordinary words: with them a message has the size of most messages, since contents and MLS messages are padded. */
const WORDS = 'See you at the station at a quarter to eight, then; I will bring the tickets and something to read.';

/**
 * One message of each sender as the SDK seals it, with its wrapped content key, in a real group of the two at epoch 1.
 * All of the server's checks pass on it. The driver patches its counter into the ciphertext, which nobody but the
 * members could notice, since sealing every message would be measured instead of the server.
 */
export async function sealedMessages(senders: readonly Sender[]): Promise<MessageText[]> {
  const engine = await createTsMlsEngine(() => true);
  const sealed: MessageText[] = [];
  for (let i = 0; i + 1 < senders.length; i += 2) {
    const [one, other] = [senders[i], senders[i + 1]];
    if (one === undefined || other === undefined) break;
    const [ours, theirs] = [await signer(one), await signer(other)];
    const bundle = await engine.createKeyPackage(theirs);
    const alone = await engine.createGroup(ours, groupIdBytes(one.conversationId, 0));
    const { state, welcome } = await engine.commit(alone, { adds: [bundle.message] });
    if (welcome === undefined) throw new Error('a commit that adds makes a welcome');
    const joined = await engine.join(theirs, welcome, [bundle]);
    const historyKey = nextKey([], Date.now());
    for (const [sender, from] of [
      [one, state],
      [other, joined.state],
    ] as const) {
      const content = { type: 'text', text: WORDS } as const;
      const clientId = crypto.randomUUID();
      const { envelope } = await sealMessage(engine, from, {
        conversationId: sender.conversationId,
        clientId,
        content,
        historyKey,
        accountHead: utf8('x'.repeat(32)),
      });
      const { epoch, mls, wrap } = envelope;
      const parts = {
        content: toBase64url(envelope.content),
        ...(wrap && { wrap: { v: wrap.v, ct: toBase64url(wrap.ct) } }),
      };
      // The other fields as they follow in a frame.
      sealed.push({ epoch, mls: toBase64url(mls), more: `,${JSON.stringify(parts).slice(1, -1)}` });
    }
  }
  return sealed;
}

const signer = async ({ userId, deviceId }: Sender) => ({ userId, deviceId, ...(await generateSigningKey()) });
