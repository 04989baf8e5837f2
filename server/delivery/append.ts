import type { Clock } from '../clock.ts';
import type { LogStore, NewMessage, Verdict } from '../store/store.ts';

/** Batches in PostgreSQL at a time; while they are there, the next one forms. */
const LANES = 2;
const MAX_BATCH = 1000;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
/** What all waiting messages may take; beyond it sends are refused at once. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** And those of one account, so that nobody alone takes all of it: more than one connection may have in flight. */
const MAX_OWNER_BYTES = 12 * 1024 * 1024;
/** Entries at a time that are stored by themselves, not in a batch. */
const SOLOS = 2;
/** About what a search tag takes in memory. */
const TAG_BYTES = 32;
/** How often a conversation that another instance holds is skipped before it is waited for. */
const PATIENCE = 3;

export type Outcome =
  | Exclude<Verdict, { state: 'busy' }>
  /** Unknown whether it is stored: the same bytes are to be sent again. */
  | { readonly state: 'unavailable' }
  | { readonly state: 'internal'; readonly error: unknown };

export interface Send extends NewMessage {
  readonly deviceId: string;
  /** The account that has to answer for the memory it takes. */
  readonly owner: string;
  /** Called exactly once, in the order of the conversation's log, and before anybody is told of a later entry. */
  done(outcome: Outcome, members: readonly string[]): void;
}

/** An entry of another kind, a commit: it takes its turn in its conversation's line, and is stored by itself. */
export interface Solo {
  readonly conversationId: string;
  readonly owner: string;
  /** About what it takes in memory. */
  readonly bytes: number;
  /** Stores it and answers its sender. False: the outcome is unknown, so what waits behind it must fail alike. Never rejects. */
  run(): Promise<boolean>;
  /** Answers `unavailable` without having tried. */
  giveUp(): void;
}

type Waiting = Send | Solo;

interface Line {
  readonly conversationId: string;
  waiting: Waiting[];
  /** How often in a row it was found busy. */
  skipped: number;
}

export interface Appender {
  append(entry: Send | Solo): void;
  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void>;
  readonly waiting: number;
}

/**
 * Group commit. Sends are collected per conversation; a conversation is in at most one batch at a time (with two, a
 * later message could overtake an earlier one), and its further sends wait in their order.
 */
export function createAppender(options: {
  store: Pick<LogStore, 'append'>;
  clock: Clock;
  /** True for failures after which the outcome is unknown or the database away: everyone gets `unavailable`. */
  isUnavailable: (error: unknown) => boolean;
  observe?: (batch: { size: number; ms: number }) => void;
}): Appender {
  const { store, clock, isUnavailable, observe } = options;
  const lines = new Map<string, Line>();
  /** Lines of which nothing is under way, oldest first: those with sends in front, and those with a solo in front. */
  const ready = new Set<Line>();
  const soloReady = new Set<Line>();
  let lanes = 0;
  let solos = 0;
  let waiting = 0;
  let waitingBytes = 0;
  const ownerBytes = new Map<string, number>();
  /** The conversations in which an account was refused for want of room, until half of its room is free again. */
  const refusedOf = new Map<string, Set<string>>();
  let scheduled = false;
  const idlers: (() => void)[] = [];

  function append(entry: Waiting): void {
    const bytes = sizeOf(entry);
    const held = (ownerBytes.get(entry.owner) ?? 0) + bytes;
    if (waitingBytes + bytes > MAX_WAITING_BYTES || held > MAX_OWNER_BYTES) {
      remember(entry);
      return refuse(entry);
    }
    // One that came right behind a refused one, and is smaller, would be stored before that one's retry.
    if (refusedOf.get(entry.owner)?.has(entry.conversationId) === true) return refuse(entry);
    ownerBytes.set(entry.owner, held);
    let line = lines.get(entry.conversationId);
    waiting++;
    waitingBytes += bytes;
    if (line === undefined) {
      line = { conversationId: entry.conversationId, waiting: [entry], skipped: 0 };
      lines.set(entry.conversationId, line);
      queue(line);
    } else line.waiting.push(entry);
    schedule();
  }

  function remember({ owner, conversationId }: Waiting): void {
    if (!ownerBytes.has(owner)) return;
    const refused = refusedOf.get(owner);
    if (refused === undefined) refusedOf.set(owner, new Set([conversationId]));
    else refused.add(conversationId);
  }

  /** To be called with a line of which nothing is under way. */
  function queue(line: Line): void {
    const [first] = line.waiting;
    if (first === undefined) lines.delete(line.conversationId);
    else if (isSolo(first)) soloReady.add(line);
    else ready.add(line);
  }

  /** Batches are cut at the end of the turn, when all frames that arrived together have been read. */
  function schedule(): void {
    if (scheduled || ((lanes >= LANES || ready.size === 0) && (solos >= SOLOS || soloReady.size === 0))) return;
    scheduled = true;
    clock.soon(() => {
      scheduled = false;
      while (lanes < LANES && ready.size > 0) void run(cut());
      for (const line of soloReady) {
        if (solos >= SOLOS) break;
        soloReady.delete(line);
        void runSolo(line);
      }
    });
  }

  function cut(): { batch: Line[]; sends: Send[]; wait: boolean } {
    const batch: Line[] = [];
    const sends: Send[] = [];
    let bytes = 0;
    for (const line of ready) {
      const alone = line.skipped >= PATIENCE;
      if (alone && batch.length > 0) continue;
      ready.delete(line);
      batch.push(line);
      const taken = new Set<string>();
      let n = 0;
      for (const send of line.waiting) {
        if (isSolo(send)) break;
        // A copy waits for the next batch, which finds the first one stored.
        const key = send.deviceId + send.clientId;
        if (taken.has(key) || (sends.length > 0 && (sends.length >= MAX_BATCH || bytes >= MAX_BATCH_BYTES))) break;
        taken.add(key);
        sends.push(send);
        bytes += sizeOf(send);
        n++;
      }
      line.waiting.splice(0, n);
      if (alone) return { batch, sends, wait: true };
      if (sends.length >= MAX_BATCH || bytes >= MAX_BATCH_BYTES) break;
    }
    return { batch, sends, wait: false };
  }

  async function run({ batch, sends, wait }: { batch: Line[]; sends: Send[]; wait: boolean }): Promise<void> {
    lanes++;
    const started = clock.now();
    const busy = new Map<string, Send[]>();
    const failed = await settle(sends, wait, busy);
    observe?.({ size: sends.length, ms: clock.now() - started });
    for (const line of batch) {
      const again: Waiting[] | undefined = busy.get(line.conversationId);
      line.skipped = again === undefined ? 0 : line.skipped + 1;
      if (again !== undefined) line.waiting = again.concat(line.waiting);
      // What was queued behind an unknown outcome must not overtake its retry, so it fails alike.
      if (failed.has(line.conversationId)) giveUp(line);
      queue(line);
    }
    lanes--;
    schedule();
    wakeIdlers();
  }

  async function runSolo(line: Line): Promise<void> {
    const solo = line.waiting.shift();
    if (solo === undefined || !isSolo(solo)) throw new Error('a line without a solo in front');
    solos++;
    const known = await solo.run();
    leave(solo);
    if (!known) giveUp(line);
    queue(line);
    solos--;
    schedule();
    wakeIdlers();
  }

  function giveUp(line: Line): void {
    for (const entry of line.waiting.splice(0)) {
      leave(entry);
      refuse(entry);
    }
  }

  function wakeIdlers(): void {
    if (waiting === 0) for (const idler of idlers.splice(0)) idler();
  }

  /** Stores the sends and finishes them; answers the conversations that got `unavailable`. */
  async function settle(sends: Send[], wait: boolean, busy: Map<string, Send[]>): Promise<Set<string>> {
    const answer = await store.append(sends, wait).catch((error: unknown) => ({ error }));
    if ('error' in answer) return recover(sends, wait, busy, answer.error);
    for (const [i, send] of sends.entries()) {
      const verdict = answer.verdicts[i] ?? { state: 'internal', error: new Error('the store gave no verdict') };
      if (verdict.state === 'busy') putBack(busy, send);
      else finish(send, verdict, answer.members.get(send.conversationId) ?? []);
    }
    return new Set();
  }

  async function recover(
    sends: Send[],
    wait: boolean,
    busy: Map<string, Send[]>,
    error: unknown,
  ): Promise<Set<string>> {
    const failed = new Set<string>();
    const [first] = sends;
    if (isUnavailable(error)) {
      for (const send of sends) {
        failed.add(send.conversationId);
        finish(send, { state: 'unavailable' }, []);
      }
    } else if (sends.length === 1 && first !== undefined) {
      finish(first, { state: 'internal', error }, []);
    } else {
      // One message that PostgreSQL can't take must not fail the others: halve until it is alone.
      const middle = sends.length >> 1;
      for (const half of [sends.slice(0, middle), sends.slice(middle)]) {
        const free = half.filter((send) => {
          // Behind one that failed or is to go again, order forbids to go on.
          if (failed.has(send.conversationId)) finish(send, { state: 'unavailable' }, []);
          else if (busy.has(send.conversationId)) putBack(busy, send);
          else return true;
          return false;
        });
        if (free.length > 0) for (const id of await settle(free, wait, busy)) failed.add(id);
      }
    }
    return failed;
  }

  function finish(send: Send, outcome: Outcome, members: readonly string[]): void {
    leave(send);
    send.done(outcome, members);
  }

  function leave(entry: Waiting): void {
    const bytes = sizeOf(entry);
    waiting--;
    waitingBytes -= bytes;
    const held = (ownerBytes.get(entry.owner) ?? 0) - bytes;
    if (held > 0) ownerBytes.set(entry.owner, held);
    else ownerBytes.delete(entry.owner);
    if (held <= MAX_OWNER_BYTES / 2) refusedOf.delete(entry.owner);
  }

  return {
    append,
    get waiting() {
      return waiting;
    },
    idle: () => (waiting === 0 ? Promise.resolve() : new Promise((resolve) => idlers.push(resolve))),
  };
}

const isSolo = (entry: Waiting): entry is Solo => 'run' in entry;

const sizeOf = (entry: Waiting): number =>
  (isSolo(entry)
    ? entry.bytes
    : entry.mls.length + (entry.content?.length ?? 0) + (entry.search?.tags.length ?? 0) * TAG_BYTES) + 512;

function refuse(entry: Waiting): void {
  if (isSolo(entry)) entry.giveUp();
  else entry.done({ state: 'unavailable' }, []);
}

function putBack(busy: Map<string, Send[]>, send: Send): void {
  const again = busy.get(send.conversationId);
  if (again === undefined) busy.set(send.conversationId, [send]);
  else again.push(send);
}
