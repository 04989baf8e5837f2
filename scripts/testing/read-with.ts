import * as v from 'valibot';
import { fromBase64url } from '../../client/e2ee/bytes.ts';
import { openArchived, openMessage } from '../../client/e2ee/envelope.ts';
import { E2eeError } from '../../client/e2ee/error.ts';
import { createTsMlsEngine } from '../../client/e2ee/ts-mls-engine.ts';
import { groupRecord, keys, ringsRecord, stateOf } from '../../client/encryption/records.ts';
import type { ClientStore } from '../../client/index.ts';
import type { Phone } from './encrypted.ts';

/** What somebody who has all that a device kept reads of a conversation after an entry, from the server's own hands. */
export async function readWith(
  store: ClientStore,
  helper: Phone,
  conversationId: string,
  after: number,
): Promise<string[]> {
  const engine = await createTsMlsEngine(() => true);
  const group = v.parse(groupRecord, await store.get(keys.group(conversationId)));
  const { history } = v.parse(ringsRecord, await store.get(keys.rings(conversationId)));
  let state = group.state === undefined ? undefined : stateOf(engine, group.state);
  const read: string[] = [];
  const tried = async (work: () => Promise<string>) =>
    read.push(
      await work().catch((error: unknown) => {
        if (error instanceof E2eeError) return '';
        throw error;
      }),
    );
  const { messages } = await helper.client.request('message.history', { conversationId, after, limit: 200 });
  for (const entry of messages) {
    if ('commit' in entry) {
      const [before, commit] = [state, fromBase64url(entry.commit)];
      if (before !== undefined)
        state = await engine.process(before, commit).then(
          (step) => step.state,
          () => before,
        );
      continue;
    }
    if (!('mls' in entry)) continue;
    const content = entry.content === undefined ? undefined : fromBase64url(entry.content);
    const wrap = entry.wrap && { v: entry.wrap.v, ct: fromBase64url(entry.wrap.ct) };
    const received = { ...entry, mls: fromBase64url(entry.mls), content, wrap };
    const now = state;
    if (now !== undefined) await tried(async () => textOf((await openMessage(engine, now, received)).content));
    await tried(async () => textOf(await openArchived(history, received)));
  }
  return read.filter((text) => text !== '');
}

const textOf = (content: object): string => ('text' in content ? String(content.text) : '(no text)');
