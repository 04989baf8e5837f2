import { groupEpoch } from '../../protocol/epoch.ts';
import type { RequestBody } from '../../protocol/index.ts';
import type { Appender, Outcome } from '../delivery/append.ts';
import { checked } from '../delivery/checked.ts';
import { digestOf } from '../delivery/digest.ts';
import type { Hub } from '../delivery/hub.ts';
import type { SendTimer } from '../delivery/send-timer.ts';
import { RequestError, unavailable } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import { readMessageHeader } from '../mls/message.ts';
import { ensure } from '../mls/mls-error.ts';
import { deletedJson, messageJson } from '../store/json.ts';
import type { ConversationStore, LogStore } from '../store/store.ts';
import type { Handler, Handlers } from './handler.ts';
import { Raw } from './handler.ts';

const HISTORY_LIMIT = 50;
/** Of ciphertext. As JSON such a page stays below 1 MiB, the largest frame that many WebSocket libraries take by default. */
const HISTORY_BYTES = 600 * 1024;

export function messageHandlers(deps: {
  appender: Appender;
  hub: Hub;
  entries: Pick<LogStore, 'deleteMessage'>;
  conversations: ConversationStore;
  limits: Limits;
  /** A conversation got its first entry: its members are to be shown the conversation. */
  began: (conversationId: string) => void;
  requireMls: boolean;
  /** A refusal once an account sends, or reads, more than its share. */
  spendSend: (userId: string) => RequestError | undefined;
  spendRead: (userId: string) => RequestError | undefined;
  /** A message with search tags was stored. */
  tagged: () => void;
  timer: SendTimer;
}): Pick<Handlers, 'message.send' | 'message.history' | 'message.delete'> {
  const { appender, hub, entries, conversations, limits, began, requireMls, spendSend, spendRead, tagged, timer } =
    deps;

  async function refuseUnencrypted(userId: string, conversationId: string): Promise<never> {
    const [conversation] = await conversations.byIds(userId, [conversationId]);
    if (conversation === undefined) throw new RequestError('not_found');
    throw new RequestError('stale_epoch', { details: { epoch: conversation.epoch } });
  }

  const messageSend: Handler<'message.send'> = (body, { connection }) => {
    const refused = spendSend(connection.userId);
    if (refused !== undefined) throw refused;
    if (requireMls && body.epoch === 0) return refuseUnencrypted(connection.userId, body.conversationId);
    if (body.epoch > 0) checkHeader(body);
    return {
      // biome-ignore lint/suspicious/noThenProperty: see Pending
      then(resolve, reject) {
        const { sessionId, deviceId, userId } = connection;
        const timed = timer.begin();
        const { conversationId, clientId, epoch, mls, content, wrap, search, silent = false } = body;
        appender.append({
          conversationId,
          sessionId,
          deviceId,
          owner: userId,
          clientId,
          epoch,
          silent,
          digest: digestOf(body),
          mls,
          content,
          wrap,
          search,
          done(outcome, members) {
            if (outcome.state !== 'stored' && outcome.state !== 'duplicate') return reject(refusal(outcome));
            const { seq } = outcome;
            const sentAt = new Date(outcome.sentAt).toISOString();
            const duplicate = outcome.state === 'duplicate';
            // The reply first: it takes the event's place on this connection, and what follows must come after it.
            resolve(new Raw(`{"seq":${seq},"sentAt":"${sentAt}","duplicate":${duplicate}}`));
            // Written out: spreading an object here took a quarter of the server's allocations for a send.
            // What was deleted meanwhile must not go out again.
            const entry =
              outcome.state === 'duplicate' && outcome.deleted
                ? deletedJson({
                    conversationId,
                    seq,
                    senderId: userId,
                    senderDeviceId: deviceId,
                    clientId,
                    epoch,
                    silent,
                    sentAt,
                  })
                : messageJson({
                    conversationId,
                    seq,
                    senderId: userId,
                    senderDeviceId: deviceId,
                    clientId,
                    epoch,
                    mls,
                    content,
                    wrap,
                    silent,
                    sentAt,
                  });
            // A duplicate is told again: the first time may have died between commit and publish.
            const here = hub.entry(members, conversationId, seq, `{"type":"message.new","body":${entry}}`, connection);
            if (search !== undefined) tagged();
            if (timed > 0) timer.written(timed, here);
            if (seq === 1 && !duplicate) began(conversationId);
          },
        });
      },
    };
  };

  const messageHistory: Handler<'message.history'> = async (
    { conversationId, before, after, limit = HISTORY_LIMIT },
    { connection },
  ) => {
    const refused = spendRead(connection.userId);
    if (refused !== undefined) throw refused;
    const readable = await conversations.readableFrom(connection, conversationId);
    if (readable === undefined) throw new RequestError('not_found');
    const floor = readable.joinedSeq;
    const range =
      after === undefined ? { before: before ?? readable.lastSeq + 1, floor } : { after: Math.max(after, floor) };
    const found = await conversations.history(conversationId, range, limit, HISTORY_BYTES);
    const end = after === undefined ? found[0]?.seq : found.at(-1)?.seq;
    const more = end !== undefined && (after === undefined ? end > floor + 1 : end < readable.lastSeq);
    return new Raw(`{"messages":[${found.map((entry) => entry.json).join()}],"more":${more}}`);
  };

  const messageDelete: Handler<'message.delete'> = async ({ conversationId, seq }, { connection }) => {
    await limits.take('message_delete', connection.userId);
    const state = await entries.deleteMessage(connection, conversationId, seq);
    if (state !== 'deleted' && state !== 'duplicate') throw new RequestError(state);
    return { duplicate: state === 'duplicate' };
  };

  return { 'message.send': messageSend, 'message.history': messageHistory, 'message.delete': messageDelete };
}

/** From epoch 1 on a message says in the clear what it is for, and that must be what its sender says. */
function checkHeader({ conversationId, epoch, mls }: RequestBody<'message.send'>): void {
  const { generation, mlsEpoch } = groupEpoch(epoch);
  checked('mls', () => {
    const header = readMessageHeader(mls);
    ensure(header.conversationId === conversationId && header.generation === generation, 'wrong_group');
    ensure(header.epoch === mlsEpoch, 'wrong_epoch');
  });
}

function refusal(outcome: Exclude<Outcome, { state: 'stored' } | { state: 'duplicate' }>): unknown {
  switch (outcome.state) {
    case 'idempotency_conflict':
      return new RequestError('idempotency_conflict', {
        details: { seq: outcome.seq, sentAt: new Date(outcome.sentAt).toISOString() },
      });
    case 'stale_epoch':
      return new RequestError('stale_epoch', { details: { epoch: outcome.epoch } });
    case 'search_refused':
      // The remedy is the same for both: to seal it again without tags.
      return new RequestError('conflict', {
        details: { field: 'search', ...(outcome.maxVersion > 0 && { maxVersion: outcome.maxVersion }) },
      });
    case 'unavailable':
      return unavailable();
    case 'internal':
      return outcome.error;
    default:
      return new RequestError(outcome.state);
  }
}
