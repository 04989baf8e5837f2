import {
  appendMessages,
  backlogs,
  deleteMessage,
  entriesAfter,
  entriesBefore,
  type IEntriesAfterResult,
  readableFrom,
} from '../../sql/queries/log.queries.ts';
import { listOf } from './arrays.ts';
import type { Gate } from './gate.ts';
import { byQuestion, joined } from './joined.ts';
import { commitJson, deletedJson, messageJson } from './json.ts';
import { oneOf } from './one-of.ts';
import type { AppendAnswer, ConversationStore, LogStore, NewMessage, Verdict } from './store.ts';

const MESSAGE = 1;

/**
 * Backlogs read in one statement, and the bytes that they share, beyond one entry of each: after a crash many are short,
 * after a night few are long.
 */
const MAX_BACKLOGS = 64;
const MAX_BACKLOG_BYTES = 8 * 1024 * 1024;

interface Backlog {
  readonly conversationId: string;
  readonly after: number;
  readonly limit: number;
  readonly maxBytes: number;
}

export function createLogStore(gate: Gate): LogStore {
  const backlog = joined(
    async (asks: readonly Backlog[]) => {
      const params = {
        conversationIds: listOf(asks.map(({ conversationId }) => conversationId)),
        afters: listOf(asks.map(({ after }) => after)),
        limit: Math.max(...asks.map(({ limit }) => limit)),
        maxBytes: Math.min(Math.floor(MAX_BACKLOG_BYTES / asks.length), ...asks.map(({ maxBytes }) => maxBytes)),
      };
      const rows = await gate.run('read', (sql) => backlogs.run(params, sql));
      return byQuestion(rows, asks.length).map((found, i) =>
        found.slice(0, asks[i]?.limit).map((row) => ({
          seq: row.seq,
          frame: `{"type":"${row.kind === MESSAGE ? 'message.new' : 'commit.new'}","body":${entryJson(asks[i]?.conversationId ?? '', row)}}`,
        })),
      );
    },
    undefined,
    MAX_BACKLOGS,
  );
  return {
    async append(messages, wait) {
      const batch = columns(messages);
      const [row] = await gate.run('append', (sql) => appendMessages.run({ ...batch.params, wait }, sql));
      if (row === undefined) throw new Error('append_messages answered nothing');
      return readAnswer(row.outcomes, row.recipients, batch.conversations);
    },

    entriesAfter: (conversationId, after, limit, maxBytes) => backlog({ conversationId, after, limit, maxBytes }),

    async deleteMessage({ sessionId }, conversationId, seq) {
      const [row] = await gate.run('read', (sql) => deleteMessage.run({ sessionId, conversationId, seq }, sql));
      return oneOf(['deleted', 'duplicate', 'unauthenticated', 'not_found', 'forbidden'], row?.state, 'delete_message');
    },
  };
}

/** The reading half of `ConversationStore` that concerns logs. */
export function createHistory(gate: Gate): Pick<ConversationStore, 'history' | 'readableFrom'> {
  return {
    async history(conversationId, range, limit, maxBytes) {
      const rows = await gate.run('read', (sql) =>
        'after' in range
          ? entriesAfter.run({ conversationId, after: range.after, limit, maxBytes }, sql)
          : entriesBefore.run({ conversationId, ...range, limit, maxBytes }, sql),
      );
      return rows.map((row) => ({ seq: row.seq, json: entryJson(conversationId, row) }));
    },
    async readableFrom({ sessionId }, conversationId) {
      const [row] = await gate.run('read', (sql) => readableFrom.run({ sessionId, conversationId }, sql));
      return row;
    },
  };
}

/** The columns of a batch, see append_messages: one text parameter each is what the driver passes on fastest. */
function columns(messages: readonly NewMessage[]) {
  const conversations: string[] = [];
  const seatOf = new Map<string, number>();
  const seatConversations: string[] = [];
  const seatSessions: string[] = [];
  const seats: number[] = [];
  const places: number[] = [];
  const counts: number[] = [];
  let place = 0;
  let notifying = 0;
  let clientIds = '';
  let epochs = '';
  let silents = '';
  let digests = '';
  let mls = '';
  let contents = '';
  let wrapVersions = '';
  let wraps = '';
  let searched = false;
  let searchVersions = '';
  let searches = '';
  let comma = '';
  for (const message of messages) {
    const { conversationId, sessionId, content, wrap, search } = message;
    if (conversations.at(-1) !== conversationId) {
      conversations.push(conversationId);
      place = 0;
      notifying = 0;
    }
    places.push(++place);
    if (!message.silent) notifying++;
    counts.push(notifying);
    const key = conversationId + sessionId;
    let seat = seatOf.get(key);
    if (seat === undefined) {
      seat = seatConversations.push(conversationId);
      seatSessions.push(sessionId);
      seatOf.set(key, seat);
    }
    seats.push(seat);
    clientIds += comma + message.clientId;
    epochs += comma + message.epoch;
    silents += comma + (message.silent ? 't' : 'f');
    digests += comma + message.digest;
    mls += comma + base64(message.mls);
    contents += comma + (content === undefined ? '' : base64(content));
    wrapVersions += comma + (wrap === undefined ? 'NULL' : wrap.v);
    wraps += comma + (wrap === undefined ? '' : base64(wrap.ct));
    searchVersions += comma + (search === undefined ? 'NULL' : search.v);
    if (comma !== '') searches += ';';
    if (search !== undefined) {
      searched = true;
      searches += search.tags.map(tagNumber).join();
    }
    comma = ',';
  }
  return {
    conversations,
    params: {
      locks: `{${conversations.join()}}`,
      seatConversations: `{${seatConversations.join()}}`,
      seatSessions: `{${seatSessions.join()}}`,
      seats: `{${seats.join()}}`,
      places: `{${places.join()}}`,
      counts: `{${counts.join()}}`,
      clientIds: `{${clientIds}}`,
      epochs: `{${epochs}}`,
      silents: `{${silents}}`,
      digests,
      mls,
      contents,
      wrapVersions: `{${wrapVersions}}`,
      wraps,
      searchVersions: searched ? `{${searchVersions}}` : null,
      searches: searched ? searches : null,
    },
  };
}

/** PostgreSQL decodes base64, but not base64url. */
const base64 = (text: string): string => Buffer.from(text, 'base64url').toString('base64');

/** The 8 bytes of a tag as the integer that PostgreSQL keeps. */
export const tagNumber = (tag: string): string => Buffer.from(tag, 'base64url').readBigInt64BE().toString();

/** `state:number:milliseconds,...` and `user,user;user,user`; see append_messages. */
function readAnswer(outcomes: string, recipients: string, conversations: readonly string[]): AppendAnswer {
  const members = new Map<string, readonly string[]>();
  for (const [i, list] of recipients.split(';').entries()) {
    const conversationId = conversations[i];
    if (conversationId !== undefined) members.set(conversationId, list === '' ? [] : list.split(','));
  }
  return { verdicts: outcomes.split(',').map(readVerdict), members };
}

function readVerdict(outcome: string): Verdict {
  const colon = outcome.indexOf(':', 2);
  const number = Number(outcome.slice(2, colon));
  const sentAt = Number(outcome.slice(colon + 1));
  switch (outcome.charAt(0)) {
    case 'o':
      return { state: 'stored', seq: number, sentAt };
    case 'd':
      return { state: 'duplicate', seq: number, sentAt };
    case 'g':
      return { state: 'duplicate', seq: number, sentAt, deleted: true };
    case 'i':
      return { state: 'idempotency_conflict', seq: number, sentAt };
    case 'e':
      return { state: 'stale_epoch', epoch: number };
    case 'b':
      return { state: 'busy' };
    case 'u':
      return { state: 'unauthenticated' };
    case 'n':
      return { state: 'not_found' };
    case 'f':
    case 'x':
      return { state: 'forbidden' };
    case 's':
      return { state: 'search_refused', maxVersion: number };
    case 'r':
      return { state: 'removal_required' };
    default:
      throw new Error(`append_messages answered ${outcome.slice(0, 20)}`);
  }
}

function entryJson(conversationId: string, row: IEntriesAfterResult): string {
  const origin = { conversationId, seq: row.seq, senderId: row.senderId, senderDeviceId: row.senderDeviceId };
  const sentAt = row.sentAt.toISOString();
  const mls = row.mls?.toString('base64url');
  if (row.kind !== MESSAGE) return commitJson({ ...origin, epoch: row.epoch, commit: mls ?? '', sentAt });
  const { clientId, epoch, silent } = row;
  if (mls === undefined) return deletedJson({ ...origin, clientId, epoch, silent, sentAt });
  // Written out, since this is read often: spreading an object is several times dearer.
  return messageJson({
    conversationId,
    seq: row.seq,
    senderId: row.senderId,
    senderDeviceId: row.senderDeviceId,
    clientId,
    epoch,
    mls,
    content: row.content?.toString('base64url'),
    wrap:
      row.wrap === null || row.wrapVersion === null
        ? undefined
        : { v: row.wrapVersion, ct: row.wrap.toString('base64url') },
    silent,
    sentAt,
  });
}
