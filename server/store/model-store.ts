import { createHash } from 'node:crypto';
import type { Conversation } from '../../protocol/index.ts';
import { messageJson } from './json.ts';
import type {
  ConnectionStore,
  ConversationStore,
  HelloState,
  Identity,
  LogStore,
  NewMessage,
  ReceiptAnswer,
  ReceiptStore,
  ReceiptWrite,
  Verdict,
} from './store.ts';

interface Entry {
  readonly seq: number;
  readonly senderDeviceId: string;
  readonly clientId: string;
  readonly mls: string;
  readonly digest: string;
  readonly sentAt: number;
  /** Entries up to and including this one that count as unread. */
  readonly notifying: number;
  /** Of `mls` and `content`. */
  readonly bytes: number;
  readonly json: string;
}

interface Participant {
  readonly joinedSeq: number;
  deliveredSeq: number;
  readSeq: number;
  acceptedAt: number | undefined;
  markedAt: number;
}

interface ModelConversation {
  readonly id: string;
  readonly kind: 'direct' | 'group';
  epoch: number;
  lastAt: number;
  changedAt: number;
  removalRequired: boolean;
  readonly members: Map<string, Participant>;
  readonly log: Entry[];
  readonly cursors: Map<string, number>;
}

interface Device {
  readonly userId: string;
  connectionNo: number;
  lastSeenAt: number | undefined;
}

interface ModelSession extends Identity {
  ended: HelloState | undefined;
}

export interface ModelStore {
  readonly log: LogStore;
  readonly connections: ConnectionStore;
  readonly conversations: ConversationStore;
  readonly receipts: ReceiptStore;
  /** Direct conversations are opened; a group stands from the start, accepted by all. */
  addGroup(userIds: readonly string[]): string;
  addPerson(name: string): Identity;
  addDevice(userId: string): Identity;
  endSession(sessionId: string, reason: HelloState): void;
  block(userId: string, blockedId: string): void;
  require(conversationId: string, what: { epoch?: number; removal?: boolean }): void;
  /** For an oracle: what is stored. */
  conversation(id: string): ModelConversation | undefined;
  /** The id that the direct conversation of two people has, or will have. */
  directId(a: string, b: string): string;
  /** For an oracle: loses what was stored above `seq`, as a database that answered too early would. */
  truncate(conversationId: string, seq: number): void;
}

/**
 * The stores in memory, with the same meaning as the real ones: each call is one step, nothing ever fails and nobody is
 * ever busy. A simulation puts delays and failures around it.
 */
export function createModelStore(options: { now(): number; newId(): string }): ModelStore {
  const { now, newId } = options;
  const users = new Map<string, string>();
  const devices = new Map<string, Device>();
  const sessions = new Map<string, ModelSession>();
  const blocks = new Set<string>();
  const conversations = new Map<string, ModelConversation>();

  const blocked = (a: string, b: string): boolean => blocks.has(`${a} ${b}`);
  const apart = (a: string, b: string): boolean => blocked(a, b) || blocked(b, a);
  const live = (sessionId: string): ModelSession | undefined => {
    const session = sessions.get(sessionId);
    return session?.ended === undefined ? session : undefined;
  };
  const of = (userId: string): ModelConversation[] =>
    [...conversations.values()].filter(({ members }) => members.has(userId)).sort(newestFirst);

  function addDevice(userId: string): Identity {
    const identity = { userId, deviceId: newId(), sessionId: newId() };
    devices.set(identity.deviceId, { userId, connectionNo: 0, lastSeenAt: undefined });
    sessions.set(identity.sessionId, { ...identity, ended: undefined });
    for (const { members, cursors } of of(userId))
      cursors.set(identity.deviceId, members.get(userId)?.deliveredSeq ?? 0);
    return identity;
  }

  function judge(message: NewMessage): { verdict: Verdict; session: ModelSession | undefined } {
    const conversation = conversations.get(message.conversationId);
    if (conversation === undefined) return { verdict: { state: 'not_found' }, session: undefined };
    const session = live(message.sessionId);
    if (session === undefined) return { verdict: { state: 'unauthenticated' }, session };
    const { userId, deviceId } = session;
    const earlier = conversation.log.find(
      (entry) => entry.clientId === message.clientId && entry.senderDeviceId === deviceId,
    );
    if (earlier !== undefined) {
      const { seq, sentAt } = earlier;
      return {
        verdict: { state: earlier.digest === message.digest ? 'duplicate' : 'idempotency_conflict', seq, sentAt },
        session,
      };
    }
    const refused = (state: 'not_found' | 'forbidden' | 'removal_required') => ({ verdict: { state }, session });
    if (!conversation.members.has(userId)) return refused('not_found');
    const others = [...conversation.members.keys()].filter((id) => id !== userId);
    if (conversation.kind === 'direct' && others.some((other) => blocked(other, userId))) return refused('forbidden');
    if (message.epoch !== conversation.epoch)
      return { verdict: { state: 'stale_epoch', epoch: conversation.epoch }, session };
    // Groups are not modelled: once there is one, nobody is in it.
    if (conversation.epoch > 0) return refused('forbidden');
    if (conversation.removalRequired) return refused('removal_required');
    return { verdict: store(conversation, message, session), session };
  }

  function store(conversation: ModelConversation, message: NewMessage, { userId, deviceId }: ModelSession): Verdict {
    const { conversationId, clientId, epoch, mls, content, wrap, silent, digest } = message;
    const seq = conversation.log.length + 1;
    const sentAt = Math.max(conversation.lastAt, now());
    const json = messageJson({
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
      sentAt: iso(sentAt),
    });
    const notifying = (conversation.log.at(-1)?.notifying ?? 0) + (silent ? 0 : 1);
    const bytes = bytesOf(mls) + bytesOf(content ?? '');
    conversation.log.push({ seq, senderDeviceId: deviceId, clientId, mls, digest, sentAt, notifying, bytes, json });
    conversation.lastAt = sentAt;
    const me = conversation.members.get(userId);
    if (me !== undefined) {
      me.deliveredSeq = Math.max(me.deliveredSeq, seq);
      me.readSeq = Math.max(me.readSeq, seq);
      me.markedAt = now();
      me.acceptedAt ??= now();
    }
    return { state: 'stored', seq, sentAt };
  }

  const log: LogStore = {
    async append(messages) {
      const verdicts = messages.map((message) => judge(message).verdict);
      const ids = new Set(messages.map(({ conversationId }) => conversationId));
      return {
        verdicts,
        members: new Map([...ids].map((id) => [id, [...(conversations.get(id)?.members.keys() ?? [])]])),
      };
    },
    async entriesAfter(conversationId, after, limit, maxBytes) {
      const entries = (conversations.get(conversationId)?.log ?? []).filter(({ seq }) => seq > after);
      return page(entries, limit, maxBytes).map(({ seq, json }) => ({
        seq,
        frame: `{"type":"message.new","body":${json}}`,
      }));
    },
  };

  const connections: ConnectionStore = {
    async hello({ userId, deviceId, sessionId }) {
      const session = sessions.get(sessionId);
      const device = devices.get(deviceId);
      if (session?.deviceId !== deviceId || session.userId !== userId || device === undefined) {
        return { state: 'unknown', connectionNo: 0, lastSeenAt: undefined };
      }
      const lastSeenAt = device.lastSeenAt === undefined ? undefined : new Date(device.lastSeenAt);
      if (session.ended !== undefined) return { state: session.ended, connectionNo: 0, lastSeenAt };
      device.connectionNo++;
      device.lastSeenAt = now();
      return { state: 'valid', connectionNo: device.connectionNo, lastSeenAt };
    },
    async positions({ userId, deviceId }) {
      return of(userId).map(({ id, log: entries, cursors, members }) => {
        const joined = members.get(userId)?.joinedSeq ?? 0;
        return {
          conversationId: id,
          lastSeq: entries.length,
          cursor: Math.max(cursors.get(deviceId) ?? joined, joined),
        };
      });
    },
    position: async (identity, conversationId) =>
      (await connections.positions(identity)).find((position) => position.conversationId === conversationId),
    async heads(userIds) {
      return userIds.flatMap((userId) =>
        of(userId)
          .filter((conversation) => conversation.log.length > 0)
          .map(({ id, log: entries }) => ({ userId, conversationId: id, lastSeq: entries.length })),
      );
    },
    touch: async (deviceIds) =>
      deviceIds.flatMap((id) => {
        const device = devices.get(id);
        if (device === undefined) return [];
        device.lastSeenAt = now();
        return [{ id, connectionNo: device.connectionNo }];
      }),
  };

  function seenBy(userId: string, conversation: ModelConversation): Conversation {
    const { id, kind, log: entries, epoch, members, lastAt } = conversation;
    const me = members.get(userId);
    return {
      id,
      kind,
      members: [...members]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([member, { deliveredSeq, readSeq }]) => {
          const name = users.get(member) ?? '';
          const shown = member === userId || audienceOf(id, member).includes(userId);
          return {
            userId: member,
            username: name,
            displayName: name,
            deliveredSeq: shown ? deliveredSeq : 0,
            readSeq: shown ? readSeq : 0,
          };
        }),
      lastSeq: entries.length,
      epoch,
      readSeq: me?.readSeq ?? 0,
      unread: unreadOf(conversation, me),
      accepted: me?.acceptedAt !== undefined,
      lastAt: iso(lastAt),
    };
  }

  const conversationStore: ConversationStore = {
    async openDirect({ sessionId }, otherId) {
      const session = live(sessionId);
      if (session === undefined) return { state: 'unauthenticated' };
      const me = session.userId;
      if (otherId === me || !users.has(otherId)) return { state: 'not_found' };
      if (apart(me, otherId)) return { state: 'forbidden' };
      const id = directId(me, otherId);
      const found = conversations.get(id)?.members.get(me);
      const created = found === undefined || found.acceptedAt === undefined;
      if (found === undefined) add(id, 'direct', [me, otherId], [me]);
      else found.acceptedAt ??= now();
      return { state: 'opened', conversationId: id, created };
    },
    async accept({ sessionId }, conversationId) {
      const session = live(sessionId);
      const me = conversations.get(conversationId)?.members.get(session?.userId ?? '');
      if (me === undefined || me.acceptedAt !== undefined) return false;
      me.acceptedAt = now();
      me.markedAt = now();
      return true;
    },
    forAll: async (ids) =>
      [...users.keys()].flatMap((viewerId) =>
        of(viewerId)
          .filter(({ id }) => ids.includes(id))
          .map((conversation) => ({ viewerId, conversation: seenBy(viewerId, conversation) })),
      ),
    byIds: async (userId, ids) =>
      of(userId)
        .filter(({ id }) => ids.includes(id))
        .map((conversation) => seenBy(userId, conversation)),
    async page(userId, before, limit) {
      const shown = of(userId).filter((c) => c.log.length > 0 || c.members.get(userId)?.acceptedAt !== undefined);
      const older =
        before === undefined
          ? shown
          : shown.filter((c) => newestFirst(c, { lastAt: Date.parse(before.at), id: before.id }) > 0);
      return older.slice(0, limit).map((conversation) => seenBy(userId, conversation));
    },
    async changedSince(userId, since, limit) {
      const changed = ({ changedAt, members }: ModelConversation): boolean =>
        changedAt > since.getTime() || [...members.values()].some(({ markedAt }) => markedAt > since.getTime());
      return of(userId)
        .filter((c) => c.log.length > 0 && changed(c))
        .slice(0, limit)
        .map(({ id }) => id);
    },
    audience: async (conversationId, userId) => audienceOf(conversationId, userId),
    async readableFrom({ sessionId }, conversationId) {
      const conversation = conversations.get(conversationId);
      const me = conversation?.members.get(live(sessionId)?.userId ?? '');
      if (conversation === undefined || me === undefined) return undefined;
      return { joinedSeq: me.joinedSeq, lastSeq: conversation.log.length };
    },
    async history(conversationId, range, limit, maxBytes) {
      const entries = conversations.get(conversationId)?.log ?? [];
      if ('after' in range)
        return page(
          entries.filter(({ seq }) => seq > range.after),
          limit,
          maxBytes,
        );
      return page(
        entries.filter(({ seq }) => seq < range.before && seq > range.floor).reverse(),
        limit,
        maxBytes,
      ).reverse();
    },
  };

  function audienceOf(conversationId: string, userId: string): string[] {
    const members = conversations.get(conversationId)?.members;
    if (members?.get(userId)?.acceptedAt === undefined) return [];
    return [...members]
      .filter(([id, { acceptedAt }]) => id !== userId && acceptedAt !== undefined && !apart(id, userId))
      .map(([id]) => id);
  }

  function add(id: string, kind: 'direct' | 'group', userIds: readonly string[], accepted: readonly string[]): void {
    const member = (userId: string): [string, Participant] => [
      userId,
      {
        joinedSeq: 0,
        deliveredSeq: 0,
        readSeq: 0,
        acceptedAt: accepted.includes(userId) ? now() : undefined,
        markedAt: now(),
      },
    ];
    const members = new Map(userIds.map(member));
    conversations.set(id, {
      id,
      kind,
      epoch: 0,
      lastAt: now(),
      changedAt: now(),
      removalRequired: false,
      members,
      log: [],
      cursors: new Map(),
    });
  }

  function verdictOf(write: ReceiptWrite): 'ended' | 'displaced' | 'beyond' | ModelSession {
    const session = live(write.sessionId);
    if (session === undefined) return 'ended';
    if (devices.get(session.deviceId)?.connectionNo !== write.connectionNo) return 'displaced';
    const conversation = conversations.get(write.conversationId);
    if (conversation === undefined || !conversation.members.has(session.userId)) return 'beyond';
    return Math.max(write.ackSeq, write.readSeq) > conversation.log.length ? 'beyond' : session;
  }

  /** All writes of a call are one step: every answer tells the marks after all of them. */
  function write(writes: readonly ReceiptWrite[]): ReceiptAnswer[] {
    const raised = new Map<Participant, { delivered: boolean; read: boolean }>();
    const verdicts = writes.map(verdictOf);
    for (const [i, { conversationId, ackSeq, readSeq }] of writes.entries()) {
      const session = verdicts[i];
      const conversation = conversations.get(conversationId);
      if (typeof session !== 'object' || conversation === undefined) continue;
      const me = conversation.members.get(session.userId);
      if (me === undefined) continue;
      if (ackSeq > 0)
        conversation.cursors.set(session.deviceId, Math.max(conversation.cursors.get(session.deviceId) ?? 0, ackSeq));
      const rise = raised.get(me) ?? { delivered: false, read: false };
      const top = Math.max(ackSeq, readSeq);
      raised.set(me, { delivered: rise.delivered || top > me.deliveredSeq, read: rise.read || readSeq > me.readSeq });
      if (top > me.deliveredSeq || readSeq > me.readSeq) me.markedAt = now();
      me.deliveredSeq = Math.max(me.deliveredSeq, top);
      me.readSeq = Math.max(me.readSeq, readSeq);
    }
    return writes.map(({ conversationId }, i): ReceiptAnswer => {
      const session = verdicts[i] ?? 'ended';
      if (typeof session !== 'object') return { outcome: session };
      const conversation = conversations.get(conversationId);
      const me = conversation?.members.get(session.userId);
      if (conversation === undefined || me === undefined) return { outcome: 'beyond' };
      const { delivered = false, read = false } = raised.get(me) ?? {};
      return {
        outcome: 'written',
        userId: session.userId,
        deliveredSeq: me.deliveredSeq,
        readSeq: me.readSeq,
        rose: delivered || read,
        unread: read ? unreadOf(conversation, me) : undefined,
        audience: delivered || read ? audienceOf(conversationId, session.userId) : [],
      };
    });
  }

  return {
    log,
    connections,
    conversations: conversationStore,
    receipts: { writeReceipts: async (writes) => write(writes) },
    addGroup(userIds) {
      const id = newId();
      add(id, 'group', userIds, userIds);
      return id;
    },
    addPerson(name) {
      const userId = newId();
      users.set(userId, name);
      return addDevice(userId);
    },
    addDevice,
    endSession(sessionId, reason) {
      const session = sessions.get(sessionId);
      if (session !== undefined) session.ended = reason;
    },
    block: (userId, blockedId) => void blocks.add(`${userId} ${blockedId}`),
    require(conversationId, { epoch, removal }) {
      const conversation = conversations.get(conversationId);
      if (conversation === undefined) return;
      conversation.epoch = epoch ?? conversation.epoch;
      conversation.removalRequired = removal ?? conversation.removalRequired;
    },
    directId,
    conversation: (id) => conversations.get(id),
    truncate: (conversationId, seq) => void conversations.get(conversationId)?.log.splice(seq),
  };
}

function unreadOf({ log }: ModelConversation, me: Participant | undefined): number {
  const read = log[Math.max(me?.readSeq ?? 0, me?.joinedSeq ?? 0) - 1]?.notifying ?? 0;
  return Math.max((log.at(-1)?.notifying ?? 0) - read, 0);
}

function page(entries: readonly Entry[], limit: number, maxBytes: number): Entry[] {
  let bytes = 0;
  return entries.slice(0, limit).filter((entry) => {
    const before = bytes;
    bytes += entry.bytes;
    return before < maxBytes;
  });
}

function newestFirst(a: { lastAt: number; id: string }, b: { lastAt: number; id: string }): number {
  if (a.lastAt !== b.lastAt) return b.lastAt - a.lastAt;
  return a.id === b.id ? 0 : a.id < b.id ? 1 : -1;
}

/** As `direct_conversation_id` in the database. */
function directId(a: string, b: string): string {
  const hash = createHash('sha256');
  for (const id of [a, b].sort()) hash.update(Buffer.from(id.replaceAll('-', ''), 'hex'));
  const hex = hash.digest('hex').slice(0, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

const bytesOf = (text: string): number => Math.floor((text.length * 3) / 4);
const iso = (ms: number): string => new Date(ms).toISOString();
