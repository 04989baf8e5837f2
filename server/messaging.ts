import { randomUUID } from 'node:crypto';
import type { Bus } from './bus/bus.ts';
import type { Leases } from './bus/leases.ts';
import type { Clock } from './clock.ts';
import { createAnnouncer } from './delivery/announce.ts';
import { createAppender } from './delivery/append.ts';
import { createCommits } from './delivery/commits.ts';
import { Hub } from './delivery/hub.ts';
import { createLoader } from './delivery/loader.ts';
import { startMailbox } from './delivery/mailbox.ts';
import { createPendingTags } from './delivery/pending-tags.ts';
import { startPositionCheck } from './delivery/position-check.ts';
import { startPresence } from './delivery/presence.ts';
import { createReceipts } from './delivery/receipts.ts';
import { createSendTimer, type SendTimes } from './delivery/send-timer.ts';
import { createTyping } from './delivery/typing.ts';
import { createFlusher } from './delivery/writer.ts';
import { createDirectory } from './directory/directory.ts';
import { RequestError, unavailable } from './errors.ts';
import { commitHandlers, mailHandlers } from './handlers/commit.ts';
import { conversationHandlers } from './handlers/conversation.ts';
import type { Handlers } from './handlers/handler.ts';
import { keyHandlers } from './handlers/keys.ts';
import { linkHandlers } from './handlers/link.ts';
import { messageHandlers } from './handlers/message.ts';
import { presenceHandlers } from './handlers/presence.ts';
import { notificationHandlers, receiptHandlers } from './handlers/receipt.ts';
import { searchHandlers } from './handlers/search.ts';
import { sessionHandlers } from './handlers/session.ts';
import { createAccountBudget } from './limits/bucket.ts';
import type { Limits } from './limits/limits.ts';
import type { Log } from './log.ts';
import { Lobby, type SocketMetrics } from './socket/lobby.ts';
import type { Ticket } from './socket/session.ts';
import { createSparingWarn, type Warn } from './sparing.ts';
import type { CommitStore } from './store/commits.ts';
import { StoreUnavailable } from './store/errors.ts';
import type { KeyStore } from './store/keys.ts';
import type { MailboxStore } from './store/mailbox.ts';
import type { PresenceStore } from './store/presence.ts';
import type { SearchStore } from './store/search.ts';
import type { ConnectionStore, ConversationStore, LogStore, ReceiptStore } from './store/store.ts';

export interface MessagingOptions {
  readonly stores: {
    readonly log: LogStore;
    readonly connections: ConnectionStore;
    readonly conversations: ConversationStore;
    readonly receipts: ReceiptStore;
    readonly keys: KeyStore;
    readonly commits: CommitStore;
    readonly mailbox: MailboxStore;
    readonly search: SearchStore;
  };
  readonly limits: Limits;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SocketMetrics;
  readonly requireMls: boolean;
  /** Absent: as often as usual. */
  readonly positionCheckMs?: number;
  /** Handlers of families that are not about conversations. */
  readonly people: Partial<Handlers>;
  verifyToken(token: string): Promise<Ticket | undefined>;
  logId(): string;
  /** Absent: nobody is told who is online. */
  readonly presence?: { readonly leases: Leases; readonly store: PresenceStore };
  observeBatch?(batch: { size: number; ms: number }): void;
  readonly sendTimes?: SendTimes;
}

export type Messaging = ReturnType<typeof createMessaging>;

/** Everything between the sockets and the stores: delivery, handlers, connections. */
export function createMessaging(options: MessagingOptions) {
  const { stores, bus, clock, limits, log, metrics } = options;
  const warn = createSparingWarn(log, clock);
  const failed = (what: string) => (error: unknown) => warn(`${what} failed`, error);
  const hub = new Hub(bus);
  const loader = createLoader(stores.log);
  const isUnavailable = (error: unknown): boolean => error instanceof StoreUnavailable;
  const appender = createAppender({
    store: stores.log,
    clock,
    isUnavailable,
    ...(options.observeBatch && { observe: options.observeBatch }),
  });
  const receipts = createReceipts({ store: stores.receipts, hub, clock, failed: failed('writing receipts') });
  const typing = createTyping({ store: stores.conversations, hub, clock, failed: failed('typing') });
  const positions = startPositionCheck({
    hub,
    store: stores.connections,
    conversations: stores.conversations,
    clock,
    ...(options.positionCheckMs !== undefined && { everyMs: options.positionCheckMs }),
    failed: failed('the position check'),
  });

  const pendingTags = createPendingTags({ store: stores.search, clock, failed: failed('filing search tags') });

  const began = createAnnouncer({
    store: stores.conversations,
    hub,
    clock,
    failed: failed('announcing conversations'),
  });

  const directory = createDirectory({ store: stores.keys, hub, limits, now: clock.now });
  const mailbox = startMailbox({ store: stores.mailbox, hub, clock, failed: failed('reading a mailbox') });
  const commits = createCommits({ appender, store: stores.commits, hub, limits, began, isUnavailable });

  const presence = options.presence && startPresence({ ...options.presence, hub, clock, failed: failed('presence') });

  const spendRead = createAccountBudget('reads', clock.now);
  const handlers: Handlers = {
    ...sessionHandlers(clock),
    ...conversationHandlers({ conversations: stores.conversations, hub, limits, spendRead, show: began }),
    ...messageHandlers({
      appender,
      hub,
      entries: stores.log,
      conversations: stores.conversations,
      limits,
      began,
      requireMls: options.requireMls,
      spendSend: createAccountBudget('sends', clock.now),
      spendRead,
      tagged: pendingTags.added,
      timer: createSendTimer(options.sendTimes ?? { acknowledged() {}, delivered() {} }),
    }),
    ...receiptHandlers(receipts),
    ...searchHandlers(stores.search, limits),
    ...keyHandlers(directory, limits),
    ...commitHandlers(commits),
    ...linkHandlers({ store: stores.mailbox, hub, limits, clock }),
    ...options.people,
    ...(presence && presenceHandlers(presence, limits)),
  };

  const lobby = new Lobby({
    hub,
    loader,
    clock,
    flusher: createFlusher(),
    connections: stores.connections,
    conversations: stores.conversations,
    handlers,
    notificationHandlers: { ...notificationHandlers(receipts, typing), ...mailHandlers(mailbox) },
    log,
    metrics,
    verifyToken: options.verifyToken,
    logId: options.logId,
    accountKeyHead: directory.head,
    welcomed(connection, write) {
      mailbox.look(connection);
      presence?.welcome(connection, write);
    },
    failed: failed('reading a backlog'),
    explain: (error, type) => explain(error, type, log, warn),
  });

  return {
    hub,
    lobby,
    appender,
    loader,
    receipts,
    positions,
    directory,
    mailbox,
    /** Shows conversations again to all of their members. */
    show(conversationIds: readonly string[]): void {
      for (const id of conversationIds) began(id);
    },
    /** For the calls over HTTP. */
    commits,
    /** Ends the timers; connections must be closed before. */
    stop(): void {
      positions.stop();
      pendingTags.stop();
      mailbox.stop();
      presence?.stop();
      lobby.stop();
    },
  };
}

/** The refusal a client sees for whatever was thrown. A bug is logged under an id that the client is told. */
function explain(error: unknown, type: string, log: Log, warn: Warn): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof StoreUnavailable) {
    warn('the database is unavailable', error, { type });
    return unavailable();
  }
  const logId = randomUUID();
  log.error({ err: error, type, logId }, 'a request failed');
  return new RequestError('internal', { details: { logId } });
}
