import { closeCodes } from '../../protocol/codes.ts';
import type { Clock } from '../clock.ts';
import { StoreUnavailable } from '../store/errors.ts';
import type { ReceiptAnswer, ReceiptStore, ReceiptWrite } from '../store/store.ts';
import { eventFrame } from './frames.ts';
import type { Connection, Hub } from './hub.ts';

const MAX_WAIT_MS = 50;
const MAX_BATCH = 2000;
/** Marks of one connection that may wait; who acknowledges more conversations than that at once starts over. */
const MAX_MARKS = 4096;
/** How often a mark goes again whose row someone else is writing, or that the database refuses. */
const MAX_TRIES = 20;
/** While the database is away marks wait for it. More of them than this, of connections that come and go, are not kept for that. */
const MAX_KEPT = 100_000;
/** How much longer marks are collected after a failure. */
const PAUSE_MS = 1_000;

interface Pending {
  readonly connection: Connection;
  readonly conversationId: string;
  ackSeq: number;
  readSeq: number;
  tries: number;
  /** Callers of `read` to be answered once it is stored. */
  readers: Reader[];
}

interface Reader {
  resolve(): void;
  reject(error: unknown): void;
}

/** Why a mark was not written. */
export class ReceiptRefused extends Error {
  readonly outcome: 'ended' | 'beyond' | 'displaced' | 'busy';

  constructor(outcome: 'ended' | 'beyond' | 'displaced' | 'busy') {
    super(outcome);
    this.outcome = outcome;
  }
}

export interface Receipts {
  /** The device holds everything up to `seq`. */
  ack(connection: Connection, conversationId: string, seq: number): void;
  /** The user has read everything up to `seq`; resolves when that is stored. */
  read(connection: Connection, conversationId: string, seq: number): Promise<void>;
  /** Writes what is collected, and resolves when it is written, or dropped because the database is away. */
  flush(): Promise<void>;
  readonly waiting: number;
}

/**
 * Watermarks: collected for at most 50 ms, the highest per conversation and connection, written in one statement, told to
 * others once stored. One batch is under way at a time, so marks of a connection can't overtake each other.
 */
export function createReceipts(options: {
  store: ReceiptStore;
  hub: Hub;
  clock: Clock;
  failed: (error: unknown) => void;
}): Receipts {
  const { store, hub, clock, failed } = options;
  let pending = new Map<string, Pending>();
  /** How many of them are of which connection. */
  const marksOf = new WeakMap<Connection, number>();
  let timer: (() => void) | undefined;
  let writing: Promise<void> | undefined;
  let pauseMs = 0;
  let away = false;

  const keyOf = (connection: Connection, conversationId: string): string =>
    conversationId + connection.sessionId + connection.connectionNo;

  function count(connection: Connection, change: 1 | -1): void {
    marksOf.set(connection, (marksOf.get(connection) ?? 0) + change);
  }

  function collect(connection: Connection, conversationId: string): Pending {
    const key = keyOf(connection, conversationId);
    let mark = pending.get(key);
    if (mark === undefined) {
      mark = { connection, conversationId, ackSeq: 0, readSeq: 0, tries: 0, readers: [] };
      pending.set(key, mark);
      count(connection, 1);
      timer ??= clock.after(MAX_WAIT_MS + pauseMs, () => void write());
    }
    return mark;
  }

  function again(mark: Pending, ackSeq: number, readSeq: number, tried = 1): void {
    const next = collect(mark.connection, mark.conversationId);
    next.ackSeq = Math.max(next.ackSeq, ackSeq);
    next.readSeq = Math.max(next.readSeq, readSeq);
    next.tries = mark.tries + tried;
    if (readSeq > 0) next.readers = mark.readers.concat(next.readers);
  }

  async function write(): Promise<void> {
    timer?.();
    timer = undefined;
    if (writing !== undefined) {
      await writing;
      if (pending.size === 0) return;
      return write();
    }
    const batch = [...pending.values()].slice(0, MAX_BATCH);
    if (batch.length === pending.size) pending = new Map();
    else for (const key of [...pending.keys()].slice(0, MAX_BATCH)) pending.delete(key);
    for (const { connection } of batch) count(connection, -1);
    writing = settle(batch).finally(() => {
      writing = undefined;
      if (pending.size > 0) timer ??= clock.after(MAX_WAIT_MS + pauseMs, () => void write());
    });
    return writing;
  }

  async function settle(batch: Pending[]): Promise<void> {
    if (batch.length === 0) return;
    // The statement takes a conversation and session once; a displaced connection's mark waits its turn and is refused.
    try {
      const answers = await store.writeReceipts(batch.map(toWrite));
      pauseMs = 0;
      away = false;
      for (const [i, mark] of batch.entries()) {
        const answer = answers[i];
        if (answer !== undefined) conclude(mark, answer);
      }
    } catch (error) {
      failed(error);
      pauseMs = PAUSE_MS;
      away = error instanceof StoreUnavailable;
      for (const mark of batch) {
        // A reader asks again by itself; nobody repeats the last acknowledgement of a conversation that went quiet.
        for (const reader of mark.readers.splice(0)) reader.reject(error);
        const waits = away && pending.size < MAX_KEPT;
        if (mark.ackSeq > 0 && (waits || mark.tries < MAX_TRIES)) again(mark, mark.ackSeq, 0, waits ? 0 : 1);
      }
    }
  }

  function conclude(mark: Pending, answer: ReceiptAnswer): void {
    if (answer.outcome === 'written') {
      if (answer.rose) tell(mark, answer);
      for (const reader of mark.readers) reader.resolve();
      return;
    }
    if (answer.outcome === 'busy' && mark.tries < MAX_TRIES) return again(mark, mark.ackSeq, mark.readSeq);
    if (answer.outcome === 'beyond' && mark.ackSeq > 0) {
      // Which of the two marks was it? A read mark beyond the log is only a refused request.
      if (mark.readSeq > mark.ackSeq) again(mark, mark.ackSeq, 0);
      else mark.connection.close(closeCodes.protocol_error, 'ack beyond the log');
    }
    if (answer.outcome === 'displaced') mark.connection.close(closeCodes.displaced, 'displaced');
    for (const reader of mark.readers) reader.reject(new ReceiptRefused(answer.outcome));
  }

  function tell(mark: Pending, answer: Extract<ReceiptAnswer, { outcome: 'written' }>): void {
    const { conversationId } = mark;
    const { userId, deliveredSeq, readSeq, unread, audience } = answer;
    const key = `receipt:${conversationId}:${userId}`;
    const body = { conversationId, userId, deliveredSeq, readSeq };
    if (audience.length > 0) hub.state(audience, key, eventFrame('receipt.changed', body));
    // One's own delivered mark means nothing to oneself; the read mark and what it leaves unread do.
    if (unread !== undefined) hub.state([userId], key, eventFrame('receipt.changed', { ...body, unread }));
  }

  return {
    ack(connection, conversationId, seq) {
      const known = pending.has(keyOf(connection, conversationId));
      if (!known && (marksOf.get(connection) ?? 0) >= MAX_MARKS)
        return connection.close(closeCodes.too_slow, 'too many acknowledgements at once');
      const mark = collect(connection, conversationId);
      if (seq > mark.ackSeq) mark.ackSeq = seq;
    },
    read(connection, conversationId, seq) {
      const mark = collect(connection, conversationId);
      if (seq > mark.readSeq) mark.readSeq = seq;
      return new Promise((resolve, reject) => mark.readers.push({ resolve, reject }));
    },
    async flush() {
      while (pending.size > 0 || writing !== undefined) {
        await write();
        if (away) break;
      }
      // To ask a database that says nothing for every batch could take minutes; what is lost is only told and acknowledged again.
      timer?.();
      timer = undefined;
      for (const { connection, readers } of pending.values()) {
        count(connection, -1);
        for (const reader of readers) reader.reject(new StoreUnavailable('not_done', 'the database is away'));
      }
      pending = new Map();
    },
    get waiting() {
      return pending.size;
    },
  };
}

const toWrite = (mark: Pending): ReceiptWrite => ({
  conversationId: mark.conversationId,
  sessionId: mark.connection.sessionId,
  connectionNo: mark.connection.connectionNo,
  ackSeq: mark.ackSeq,
  readSeq: mark.readSeq,
});
