import * as v from 'valibot';
import { E2eeError, isE2eeErrorCode } from '../e2ee/error.ts';
import { Emitter } from '../emitter.ts';
import type { EncryptedClient } from '../encryption/client.ts';
import { type AnyError, fromServer, reasonOf, SottoError } from '../errors.ts';
import type { EntryHandler } from '../handler.ts';
import type { Entry } from '../records.ts';
import { Turns } from '../turns.ts';
import {
  type CallName,
  callNames,
  calls,
  type EventName,
  listen,
  repeatable,
  type TabCalls,
  type TabEvents,
} from './tab-calls.ts';
import { openTabChannel, type TabMessage } from './tab-channel.ts';
import { tabEvents } from './tab-events.ts';

export interface TabClientOptions {
  /** One per user: tabs that give the same name share one client. */
  readonly name: string;
  /** Opens the store and makes the client. Called in the tab that leads, and in another one once that is gone. */
  readonly open: () => Promise<EncryptedClient>;
}

/** A client that all tabs of a browser share. Everything about the present is asked for, so it is a promise. */
export type TabClient = TabCalls & {
  on<Name extends keyof TabEvents>(name: Name, listener: (value: TabEvents[Name]) => void): () => void;
  /** As the client's `receive`, in each tab: every entry that comes while it is open, in order and once. */
  receive(handler: EntryHandler): void;
  /** Whether this tab holds the client. */
  readonly leading: boolean;
  close(): Promise<void>;
};

interface Pending {
  readonly name: CallName;
  readonly args: readonly unknown[];
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** How long an entry waits for a tab that says nothing; what it was sent still reaches it. */
const TAB_TIMEOUT_MS = 5_000;
const OPEN_AGAIN_MS = 1_000;
/** Entries that may come again from the next leader are the last ones. */
const REMEMBERED = 4_096;
/** Answers kept for a call that is made again. */
const ANSWERS = 1_024;
const tabLock = (tab: string): string => `sotto.tab.${tab}`;

/**
 * Shares one client among the tabs of a browser: the one that holds the lock leads, the others go through it. When it
 * closes or dies, the browser gives the lock to the next, which opens the store and goes on where that was.
 */
export async function openTabClient({ name, open }: TabClientOptions): Promise<TabClient> {
  if (!('locks' in navigator))
    throw new Error('Tabs can share a client where there are Web Locks: in a secure context.');
  const self: string = crypto.randomUUID();
  const life = new AbortController();
  const emitter = new Emitter<TabEvents>((problem) => queueMicrotask(() => Promise.reject(problem)));
  const pending = new Map<number, Pending>();
  const answers = new Map<string, Promise<unknown>>();
  const others = new Set<string>();
  const waiting = new Map<number, Map<string, () => void>>();
  const seen = new Set<string>();
  let last = 0;
  let leader: string | undefined;
  let client: EncryptedClient | undefined;
  let started = false;
  let handler: EntryHandler = () => undefined;
  const turns = new Turns();
  let resign: () => void = () => undefined;

  // Held for as long as this tab lives: whoever gets it knows that the tab is gone.
  await new Promise<void>((granted) => {
    const held = navigator.locks.request(tabLock(self), () => {
      granted();
      return new Promise<void>((resolve) => life.signal.addEventListener('abort', () => resolve()));
    });
    held.catch(() => undefined);
  });
  const channel = openTabChannel(name, take);
  const leading = navigator.locks.request(`sotto.leader.${name}`, { signal: life.signal }, lead).catch(() => undefined);
  channel.post({ is: 'here', from: self });

  async function lead(): Promise<void> {
    while (client === undefined && !life.signal.aborted) {
      try {
        client = await begin();
      } catch (error) {
        emitter.emit('problem', asError(error));
        await new Promise((resolve) => setTimeout(resolve, OPEN_AGAIN_MS));
      }
    }
    if (client === undefined) return;
    const gone = new Promise<void>((resolve) => {
      resign = resolve;
    });
    leader = self;
    emitter.emit('leading', true);
    channel.post({ is: 'leads', from: self });
    for (const n of [...pending.keys()]) perform(n);
    if (life.signal.aborted) resign();
    await gone;
    await client.close();
  }

  async function begin(): Promise<EncryptedClient> {
    const made = await open();
    listen(made, tell);
    made.receive(handOver);
    // Another tab had logged in, or this one had started before it led.
    if (started && (await made.whoAmI()) !== undefined) await made.start();
    return made;
  }

  function tell<Name extends EventName>(event: Name, value: TabEvents[Name]): void {
    emitter.emit(event, value);
    // An error that holds what cannot be copied is told by its words.
    channel.post({ is: 'event', name: event, value: value instanceof Error ? new Error(value.message) : value });
  }

  function told<Name extends EventName>(event: Name, value: unknown): void {
    const schema: v.GenericSchema<unknown, TabEvents[Name]> = tabEvents[event];
    const read = v.safeParse(schema, value);
    if (read.success) emitter.emit(event, read.output);
    else emitter.emit('problem', new SottoError('internal', `another tab tells of a malformed ${event}`));
  }

  /** The entry counts as handled when every tab has it: whichever leads next, nobody misses it. */
  async function handOver(entry: Entry): Promise<void> {
    const n = ++last;
    const took = new Map<string, () => void>();
    const all = [...others].map(
      (tab) =>
        new Promise<void>((resolve) => {
          const timer = setTimeout(() => {
            others.delete(tab);
            resolve();
          }, TAB_TIMEOUT_MS);
          took.set(tab, () => {
            clearTimeout(timer);
            resolve();
          });
        }),
    );
    waiting.set(n, took);
    channel.post({ is: 'entry', n, entry });
    const [here] = await Promise.allSettled([handleOnce(entry), ...all]);
    waiting.delete(n);
    // Given again: this tab's handler is the one that the client's tries are counted for.
    if (here.status === 'rejected') throw here.reason;
  }

  const handleOnce = (entry: Entry): Promise<void> => turns.run(entry.conversationId, () => handle(entry));

  async function handle(entry: Entry): Promise<void> {
    const key = `${entry.conversationId} ${entry.senderDeviceId} ${entry.clientId}`;
    if (seen.has(key)) return;
    await handler(entry);
    seen.add(key);
    const [oldest] = seen;
    if (seen.size > REMEMBERED && oldest !== undefined) seen.delete(oldest);
  }

  function take(message: TabMessage): void {
    if ('to' in message && message.to !== self) return;
    switch (message.is) {
      case 'here':
        if (leader !== self) return;
        met(message.from);
        return channel.post({ is: 'leads', from: self });
      case 'gone':
        return left(message.from);
      case 'leads':
        if (leader === message.from) return;
        leader = message.from;
        // To be waited for by a leader that does not know this tab yet.
        channel.post({ is: 'here', from: self });
        for (const n of [...pending.keys()]) perform(n);
        return;
      case 'call':
        if (client !== undefined && leader === self) void answer(message);
        return;
      case 'answer':
        return settle(message.n, ({ resolve }) => resolve(message.value));
      case 'refusal':
        return settle(message.n, ({ reject }) => reject(errorOf(message)));
      case 'event':
        return told(message.name, message.value);
      case 'entry':
        handleOnce(message.entry)
          .catch((error: unknown) => emitter.emit('problem', asError(error)))
          .then(() => channel.post({ is: 'took', from: self, n: message.n }));
        return;
      case 'took':
        met(message.from);
        return waiting.get(message.n)?.get(message.from)?.();
    }
  }

  function met(tab: string): void {
    if (others.has(tab)) return;
    others.add(tab);
    navigator.locks.request(tabLock(tab), { signal: life.signal }, () => left(tab)).catch(() => undefined);
  }

  function left(tab: string): void {
    others.delete(tab);
    for (const took of waiting.values()) took.get(tab)?.();
  }

  function settle(n: number, how: (call: Pending) => void): void {
    const call = pending.get(n);
    pending.delete(n);
    if (call !== undefined) how(call);
  }

  /** Does a call here, or has the leader do it; whoever leads next does what was not answered. */
  function perform(n: number): void {
    const call = pending.get(n);
    if (call === undefined || leader === undefined) return;
    const { name: what, args } = call;
    if (leader !== self) return channel.post({ is: 'call', from: self, n, name: what, args: [...args] });
    run(what, args).then(
      (value) => settle(n, ({ resolve }) => resolve(value)),
      (error: unknown) => settle(n, ({ reject }) => reject(error)),
    );
  }

  async function run(what: CallName, args: readonly unknown[]): Promise<unknown> {
    if (client === undefined) throw new SottoError('unavailable', 'this tab is closed');
    // The table's own types, given up where calls travel; `TabCalls` gives them back.
    const work: (client: EncryptedClient, ...args: never[]) => unknown = calls[what];
    return work(client, ...(args as never[]));
  }

  async function answer({ from, n, name: what, args }: TabMessage & { is: 'call' }): Promise<void> {
    met(from);
    const key = `${from} ${n}`;
    const known = answers.get(key);
    // Asked twice because this leader was new: done once.
    const result = known ?? run(what, args);
    answers.set(key, result);
    const [oldest] = answers.keys();
    if (answers.size > ANSWERS && oldest !== undefined) answers.delete(oldest);
    try {
      const value = await result;
      channel.post({ is: 'answer', to: from, n, value });
    } catch (error) {
      channel.post({ is: 'refusal', to: from, n, ...refusalOf(error) });
    }
  }

  function call(what: CallName, args: readonly unknown[]): Promise<unknown> {
    if (life.signal.aborted) return Promise.reject(new SottoError('unavailable', 'this tab is closed'));
    if (what === 'start') started = true;
    if (what === 'logout') started = false;
    return new Promise((resolve, reject) => {
      const n = ++last;
      pending.set(n, { name: what, args: repeatable(what, args), resolve, reject });
      perform(n);
    });
  }

  async function close(): Promise<void> {
    if (life.signal.aborted) return;
    life.abort();
    channel.post({ is: 'gone', from: self });
    resign();
    await leading;
    for (const n of [...pending.keys()])
      settle(n, ({ reject }) => reject(new SottoError('unavailable', 'this tab is closed')));
    channel.close();
  }

  const proxied = Object.fromEntries(
    callNames.map((what) => [what, (...args: unknown[]) => call(what, args)] as const),
  );
  return {
    // Made of the very table that the type is made of.
    ...(proxied as unknown as TabCalls),
    on: emitter.on.bind(emitter),
    receive(next: EntryHandler) {
      handler = next;
    },
    get leading() {
      return leader === self;
    },
    close,
  };
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(reasonOf(thrown)));

function refusalOf(error: unknown): AnyError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
  const message = reasonOf(error);
  if (!(error instanceof SottoError)) return { code, message };
  const { retryAfterMs, details } = error;
  return { code, message, retryAfterMs, details: details && { ...details } };
}

/** What `refusalOf` made of an error in the tab that leads, as an error again. */
const errorOf = (refusal: AnyError): Error =>
  isE2eeErrorCode(refusal.code) ? new E2eeError(refusal.code, refusal.message) : fromServer(refusal);
