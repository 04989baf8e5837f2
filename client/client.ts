import type { Conversation, NotificationType, Reply, RequestInput, RequestType } from '../protocol/index.ts';
import { Account, accountCalls } from './account.ts';
import { Agreements, agreementCalls } from './agreements.ts';
import { type ClientOptions, checkOptions } from './client-options.ts';
import { delay, systemClock } from './clock.ts';
import { type Content, plainCodec } from './codec.ts';
import { Connection, type ConnectionState } from './connection.ts';
import { Conversations, isDirectWith } from './conversations.ts';
import { Emitter } from './emitter.ts';
import { Erasures } from './erasures.ts';
import { closedError, SottoError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import { Expiry } from './expiry.ts';
import { type EntryHandler, handleWithin } from './handler.ts';
import { type HistoryInput, type HistoryPage, readHistory } from './history.ts';
import { createHttp } from './http.ts';
import { randomBytes, uuidv7 } from './ids.ts';
import { Inbox } from './inbox.ts';
import { isChange, lifeKey } from './life.ts';
import { messageCalls, type SendOptions, sending } from './message-calls.ts';
import { type MessageState, nextMessageState } from './message-state.ts';
import { Outbox } from './outbox.ts';
import { OwnMessages } from './own-messages.ts';
import { peopleCalls } from './people-calls.ts';
import { ReadMarks } from './read-marks.ts';
import { becomesReady } from './readiness.ts';
import type { Entry, OutgoingRecord } from './records.ts';
import { checked, type NotificationInput, type ServerEvent } from './requests.ts';
import { askServer } from './search/remote.ts';
import { type SearchInput, type SearchPage, searchableStore } from './search/search.ts';
import { openWebSocket } from './socket.ts';
import { steadyWrite } from './steady.ts';
import { platformLock, Session } from './tokens.ts';
import { Turns } from './turns.ts';
import { TypingNotices } from './typing-notices.ts';

export type Client = ReturnType<typeof createClient>;

const CLOSE_TIMEOUT_MS = 5_000;

/** One device of one user. Log in, set a handler with `receive`, then `start`. */
export function createClient(options: ClientOptions) {
  checkOptions(options);
  const { url, clock = systemClock, codec = plainCodec, handlerTimeoutMs = 60_000 } = options;
  const random = options.random ?? Math.random;
  const life = new AbortController();
  const closing = new AbortController();
  const stillOpen = () => {
    if (closing.signal.aborted) throw closedError();
  };
  const onProblem = (problem: unknown) => {
    // What an unlucky moment prevented is done again by whoever wanted it; a closed client wants nothing.
    if (life.signal.aborted || (problem instanceof SottoError && problem.retry === 'same')) return;
    emitter.emit('problem', problem instanceof Error ? problem : new Error(String(problem)));
  };
  // A listener for problems that throws itself has nobody left to tell.
  const emitter = new Emitter<ClientEvents>((problem) =>
    queueMicrotask(() => {
      throw problem;
    }),
  );
  const { store, search } = searchableStore(options.store, onProblem);
  const http = createHttp({ url, ...(options.fetch && { fetch: options.fetch }) });
  const session = new Session(http, store, clock, options.lock ?? platformLock());
  const account = new Account(http, session, store);
  const turns = new Turns();
  const write = steadyWrite(store, clock, life.signal, onProblem);
  let me = { userId: '', deviceId: '' };
  let handler: EntryHandler = () => undefined;
  let listed = false;

  const connection = new Connection({
    url,
    tokens: session,
    openSocket: options.openSocket ?? openWebSocket,
    clock,
    random,
    program: options.program,
    requestTimeoutMs: options.requestTimeoutMs,
    onState,
    onEvent,
    onProblem,
  });
  const request = async <Type extends RequestType>(type: Type, body: RequestInput<Type>): Promise<Reply<Type>> => {
    const reply = await connection.request(type, body);
    if ('conversation' in reply) conversations.put(reply.conversation);
    if ('conversations' in reply) for (const each of reply.conversations) conversations.put(each);
    return reply;
  };
  /** For the application, which is told that nothing comes of it. */
  const ask: typeof request = async (type, body) => {
    stillOpen();
    return request(type, body);
  };
  const isReady = () => connection.state.is === 'ready';
  const hasSession = () => isReady() || connection.state.is === 'syncing';

  const conversations = new Conversations({
    store,
    clock,
    list: (body) => connection.request('conversation.list', body),
    get: async (conversationId) => (await connection.request('conversation.get', { conversationId })).conversation,
    onChange: (conversation) => {
      emitter.emit('conversation', conversation);
      own.risen(conversation.id);
    },
    onProblem,
  });
  const agreements = new Agreements({
    store,
    codec,
    conversations: () => conversations.all(),
    conversation: (id) => conversations.get(id),
    connected: isReady,
    update: (body) => request('conversation.update', body),
    onProblem,
  });
  const changed = (entry: Entry) => emitter.emit('changed', entry);
  const expiry = new Expiry({
    store,
    write,
    turns,
    clock,
    agreements,
    onProblem,
    signal: life.signal,
    conversations: () => conversations.all(),
    onChanged: changed,
  });
  const own = new OwnMessages(
    (id) => conversations.marks(id),
    (message) => emitter.emit('message', message),
  );
  /** The log that a conversation's seqs mean now. */
  const logFor = (id: string) =>
    connection.state.is === 'ready' && inbox.isSettled(id) ? connection.state.greeting.logId : undefined;
  const erasures = new Erasures({
    store,
    write,
    clock,
    random,
    logFor,
    onProblem,
    signal: life.signal,
    erase: (body) => connection.request('message.delete', body),
  });
  const outbox: Outbox = new Outbox({
    store,
    write,
    codec,
    clock,
    random,
    turns,
    onProblem,
    signal: life.signal,
    newId: () => uuidv7(clock.now(), randomBytes(random)),
    send: (body) => connection.request('message.send', body),
    logFor,
    onFact: (record, fact) => own.learn(record.conversationId, record.clientId, fact),
    onReply: (record, seq, sentAt) => {
      conversations.sent({ conversationId: record.conversationId, senderId: me.userId, seq, sentAt });
      inbox.replied(record, seq, sentAt);
    },
  });
  const inbox: Inbox = new Inbox({
    store,
    write,
    codec,
    clock,
    random,
    turns,
    onProblem,
    signal: life.signal,
    handlerTries: options.handlerTries ?? 3,
    me: () => me,
    greeting: () => {
      const { state } = connection;
      if (state.is !== 'ready' && state.is !== 'syncing') return undefined;
      const { logId, serverTime } = state.greeting;
      return { logId, serverTime: Date.parse(serverTime), synced: state.is === 'ready' };
    },
    connected: hasSession,
    history: (body) => connection.request('message.history', body),
    ack: (conversationId, seq) => connection.notify('ack', { conversationId, seq }),
    handle: (entry) => handleWithin(handler, entry, clock, handlerTimeoutMs),
    onFailedEntry: (entry) => emitter.emit('failed', entry),
    onChanged: changed,
    cutoff: (id) => expiry.cutoff(id),
    outgoing: (clientId) => outbox.find(clientId),
    onSettled: (record, seq, sentAt) => {
      outbox.settle(record);
      own.learn(record.conversationId, record.clientId, { is: 'stored', seq, sentAt });
      if (record.content.type === 'delete') erasures.pump();
    },
    relive: (conversationId, logId, lost) => {
      const again = outbox.relive(lost);
      const records = [...outbox.unstored(conversationId, logId), ...again];
      return { records, admit: () => outbox.admit(conversationId, logId, again) };
    },
    onReady: (conversationId) => {
      outbox.pump(conversationId);
      erasures.pump();
    },
  });
  const reads = new ReadMarks({
    send: (conversationId, seq) => connection.request('receipt.read', { conversationId, seq }),
    connected: hasSession,
    onProblem,
  });

  const typingNotices = new TypingNotices(clock, (conversationId, typing) =>
    connection.notify('typing.set', { conversationId, typing }),
  );

  /** For reading what is older than this device, or was missed. */
  const past = {
    store,
    write,
    codec,
    turns,
    connected: isReady,
    history: (body: RequestInput<'message.history'>) => connection.request('message.history', body),
    me: () => me,
    logId: () => ('greeting' in connection.state ? connection.state.greeting.logId : undefined),
    onChanged: changed,
    cutoff: (id: string) => expiry.cutoff(id),
    conversations: () => conversations.all(),
    searches: (id: string) => agreements.searches(id),
    searchKeys: async (id: string, text: string) => codec.searchKeys?.(id, text),
    find: (body: RequestInput<'message.search'>) => connection.request('message.search', body),
    onProblem,
  };

  codec.attach?.({
    store,
    write,
    turns,
    clock,
    random,
    signal: life.signal,
    newId: () => uuidv7(clock.now(), randomBytes(random)),
    me: () => me,
    greeting: () => ('greeting' in connection.state ? connection.state.greeting : undefined),
    request,
    notify: (type, body) => connection.notify(type, body),
    on: (name, listener) => emitter.on(name, listener),
    sendCommitOverHttp: async (id, body) => http.sendCommit(await session.accessToken(), id, body),
    putRecoveryOverHttp: async (body) => http.putRecovery(await session.accessToken(), body),
    getRecoveryOverHttp: async () => http.getRecovery(await session.accessToken()),
    conversation: (id) => conversations.get(id),
    conversations: () => conversations.all(),
    arrived: (entry) => inbox.arrived(entry),
    pump: (id) => outbox.pump(id),
    agreed: (id, byDeviceId) => {
      agreements.agreed(id, byDeviceId === me.deviceId);
      expiry.run();
    },
    disagreed: (id, wanted, reason) => agreements.disagreed(id, wanted, reason),
    onProblem,
  });

  function onState(state: ConnectionState): void {
    if (state.is === 'syncing') inbox.greeted(state.greeting.logId);
    if (state.is === 'ready') {
      inbox.synced();
      outbox.pump();
      erasures.pump();
      reads.connected();
      agreements.connected();
      if (!listed) refreshList();
    }
    emitter.emit('connection', state);
  }

  function onEvent(event: ServerEvent): void {
    conversations.take(event);
    if (event.type === 'conversation.changed' && codec.settings === undefined) expiry.run();
    if (event.type === 'message.new' || event.type === 'commit.new') inbox.arrived(event.body);
    // Too much changed while this device was away; its list is read again once the session is ready.
    if (event.type === 'sync.done' && event.body.resync === true) listed = false;
    emitter.emit(event.type, event.body);
  }

  function refreshList(): void {
    listed = true;
    conversations.refresh().catch((error: unknown) => {
      listed = false;
      onProblem(error);
    });
  }

  async function send(to: string, given: Content, more: SendOptions = {}): Promise<string> {
    stillOpen();
    const valid = checked(sending, { ...more, conversationId: to, content: given });
    const { conversationId, clientId } = valid;
    const content = codec.check?.(valid.content) ?? valid.content;
    if (clientId !== undefined && me.deviceId !== '') {
      // In the log already: asked for again by somebody who did not hear the answer.
      const known = await store.get(lifeKey(conversationId, { deviceId: me.deviceId, clientId }));
      if (known !== undefined) return clientId;
    }
    const { silent = isChange(content) } = valid;
    return (await outbox.add(conversationId, content, { silent, ...(clientId && { clientId }) })).clientId;
  }

  function trackOutgoing(record: OutgoingRecord): void {
    // Stored in a log that is gone, or in one that this device has no place in: sent again, it is known there or missing.
    if (record.stored?.logId !== inbox.logOf(record.conversationId)) delete record.stored;
    const { conversationId, clientId, stored, failed } = record;
    if (failed !== undefined) own.track(conversationId, clientId, { is: 'failed', reason: failed });
    else if (stored === undefined) own.track(conversationId, clientId, { is: 'pending' });
    else {
      own.track(conversationId, clientId, { is: 'stored', seq: stored.seq, sentAt: stored.sentAt });
      inbox.replied(record, stored.seq, stored.sentAt);
    }
  }

  return {
    /** The calls that need no socket: registration, verification, passwords. */
    http,
    /** Returns what takes the listener off again. */
    on: <Name extends keyof ClientEvents>(name: Name, listener: (value: ClientEvents[Name]) => void) =>
      emitter.on(name, listener),
    ...accountCalls(account, session, { stillOpen, loggedOut: () => connection.stop() }),

    /** Gets every entry of every conversation, in order and once. Set it before `start`. */
    receive(next: EntryHandler): void {
      handler = next;
    },
    /** Reads the store, connects, and stays connected. `unauthenticated` while nobody is logged in. */
    async start(): Promise<void> {
      stillOpen();
      const held = await account.current();
      if (held === undefined) throw new SottoError('unauthenticated', 'nobody is logged in here');
      if (me.userId === '') {
        me = { userId: held.userId, deviceId: held.deviceId };
        await conversations.load(me.userId);
        await outbox.load();
        await inbox.load();
        expiry.run();
        for (const id of outbox.conversations()) for (const record of [...outbox.list(id)]) trackOutgoing(record);
      }
      me = { userId: held.userId, deviceId: held.deviceId };
      stillOpen();
      connection.start();
    },
    /** Ends the connection, waits a moment for handlers, and closes the store. */
    async close(): Promise<void> {
      closing.abort();
      connection.close();
      const patience = clock.now() + CLOSE_TIMEOUT_MS;
      while (inbox.busy && clock.now() < patience) await delay(clock, 10);
      await conversations.close();
      life.abort();
      await store.close();
    },
    /** Resolves once all that was missed is in. `unauthenticated` if the server refuses, `unavailable` after `withinMs`, `closed` by `close`. */
    ready: (withinMs = 30_000) => becomesReady(connection, emitter, clock, withinMs, closing.signal),
    get state(): ConnectionState {
      return connection.state;
    },
    /** Connects at once instead of waiting for the next attempt: for a browser's `online` event. */
    reconnectNow: () => connection.nudge(),

    request: ask,
    notify: <Type extends NotificationType>(type: Type, body: NotificationInput<Type>) => connection.notify(type, body),

    conversations: () => conversations.all(),
    conversation: (id: string): Conversation | undefined => conversations.get(id),
    ...peopleCalls(ask, (username) => conversations.all().find((each) => isDirectWith(each, username, me.userId))),

    /** Resolves with the message's client id when it would survive a crash. What becomes of it is told by `message` events. */
    send(conversationId: string, content: Content, more: SendOptions = {}): Promise<string> {
      return send(conversationId, content, more);
    },
    ...messageCalls({ store, write, turns, me: () => me, send, onChanged: changed }),
    /** Sends a failed message after all; `not_found` if none has that client id. */
    retry: (clientId: string) => outbox.retry(clientId),
    /** Forgets a message that failed, or that has never been sent; `not_found` if none has that client id. */
    discard: (clientId: string) => outbox.discard(clientId),
    /** This device's messages that are not in the log: on their way, or failed. */
    outgoing: (conversationId: string) => outbox.waiting(conversationId),
    /** The state of a message of one's own. */
    stateOf(entry: Pick<Entry, 'conversationId' | 'seq' | 'sentAt'>): MessageState {
      const stored: MessageState = { is: 'stored', seq: entry.seq, sentAt: entry.sentAt };
      return nextMessageState(stored, { is: 'marks', marks: conversations.marks(entry.conversationId) });
    },

    ...agreementCalls(agreements, () => expiry.run()),
    /** Tells that this user has read everything up to `seq`; told again after a break. */
    read: (conversationId: string, seq: number) => reads.read(conversationId, seq),
    /** Tells that this user is writing. Call it with every key; it is sent as often as needed. */
    typing: (conversationId: string, typing: boolean) => typingNotices.set(conversationId, typing),
    /** What fits, newest first, with the words marked: of what this device holds, and of what the server may search. */
    search: (input: SearchInput): Promise<SearchPage> => search(input, () => askServer(past, input)),
    /** A page of the past, in either direction. */
    history: (conversationId: string, page: HistoryInput = {}): Promise<HistoryPage> =>
      readHistory(past, conversationId, page),
  };
}
