import { closeCodes } from '../protocol/codes.ts';
import type { NotificationType, Reply, RequestInput, RequestType } from '../protocol/index.ts';
import { HELLO_REPLY_MS, PING_EVERY_MS } from '../protocol/scalars.ts';
import { type Cancel, type Clock, delay } from './clock.ts';
import { SottoError } from './errors.ts';
import { type Ended, nextStep, type Refusal } from './reconnect.ts';
import { encodeNotification, type NotificationInput, Requests, type ServerEvent } from './requests.ts';
import { type ClientSocket, type OpenSocket, socketUrl } from './socket.ts';
import type { TokenSource } from './tokens.ts';

export type Greeting = Reply<'hello'>;

export type ConnectionState =
  | { readonly is: 'stopped' }
  /** Getting a token, opening the socket, waiting for the answer to hello. */
  | { readonly is: 'connecting'; readonly tries: number }
  /** Requests go; what was missed meanwhile is coming in. */
  | { readonly is: 'syncing'; readonly greeting: Greeting }
  | { readonly is: 'ready'; readonly greeting: Greeting }
  /** Will connect again by itself at the time `until`. */
  | { readonly is: 'waiting'; readonly until: number; readonly tries: number; readonly reason: string }
  /** Will not connect again before `start` is called, because something has to change first. */
  | { readonly is: 'refused'; readonly refusal: Refusal };

export interface ConnectionOptions {
  readonly url: string;
  readonly tokens: TokenSource;
  readonly openSocket: OpenSocket;
  readonly clock: Clock;
  readonly random: () => number;
  /** The program's name, for the server's log. */
  readonly program?: string | undefined;
  readonly requestTimeoutMs?: number | undefined;
  onState(state: ConnectionState): void;
  onEvent(event: ServerEvent): void;
  /** Something that the server should not have sent. It was ignored. */
  onProblem(problem: Error): void;
}

const CONNECT_TIMEOUT_MS = 10_000;
const PONG_TIMEOUT_MS = 10_000;
const CLOSE_CODE_TIMEOUT_MS = 1_000;
/** A session that lasted this long shows that the way is good: the next break is a first one. */
const LASTED_MS = 5_000;

/** A WebSocket that comes back: hello, requests, liveness, reconnection. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #requests: Requests;
  #state: ConnectionState = { is: 'stopped' };
  #life: AbortController | undefined;
  #wake: AbortController | undefined;
  #socket: ClientSocket | undefined;
  #lastSent = 0;
  #lastHeard = 0;
  #closed = false;
  #lastReason: string | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#requests = new Requests(options.clock, options.requestTimeoutMs ?? 15_000);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    if (this.#life !== undefined || this.#closed) return;
    const life = new AbortController();
    this.#life = life;
    void this.#live(life.signal);
  }

  /** Ends the connection. Requests under way are rejected. */
  stop(): void {
    this.#life?.abort();
    this.#life = undefined;
    this.#requests.abandon();
    this.#enter({ is: 'stopped' });
  }

  /** Ends it for good: nothing is asked any more. */
  close(): void {
    this.#closed = true;
    this.stop();
  }

  /** Why there is no connection, as far as an attempt has shown it. */
  get lastReason(): string | undefined {
    return this.#lastReason;
  }

  /** Ends a wait for the next attempt, for example because the network came back. */
  nudge(): void {
    this.#wake?.abort();
  }

  request<Type extends RequestType>(type: Type, body: RequestInput<Type>): Promise<Reply<Type>> {
    // Not `closed`: what is kept to be asked again must not take the end of a client for a refusal.
    if (this.#closed) return Promise.reject(new SottoError('unavailable', 'the client was stopped'));
    return this.#requests.request(type, body);
  }

  /** Returns false when there is no session to carry it. */
  notify<Type extends NotificationType>(type: Type, body: NotificationInput<Type>): boolean {
    const frame = encodeNotification(type, body);
    if (this.#state.is !== 'ready' && this.#state.is !== 'syncing') return false;
    this.#send(frame);
    return true;
  }

  async #live(life: AbortSignal): Promise<void> {
    const { clock, random, tokens } = this.#options;
    let tries = 0;
    let displacements = 0;
    let refused: string | undefined;
    while (!life.aborted) {
      this.#enter({ is: 'connecting', tries });
      let token: string | undefined;
      let ended: Ended;
      let greetedAt: number | undefined;
      try {
        token = refused === undefined ? await tokens.accessToken() : await tokens.freshToken(refused);
        if (life.aborted) return;
        ended = await this.#session(token, life, () => {
          greetedAt = clock.now();
        });
      } catch (error) {
        ended = { is: 'no_token', error };
      }
      if (life.aborted) return;
      const lastedMs = greetedAt === undefined ? 0 : clock.now() - greetedAt;
      if (lastedMs >= LASTED_MS) tries = 0;
      // Until then an earlier hello of this device may still wait for its turn somewhere, be let in, and displace this one.
      if (lastedMs >= 2 * HELLO_REPLY_MS) displacements = 0;
      else if (ended.is === 'closed' && ended.code === closeCodes.displaced) displacements += 1;
      const next = nextStep(ended, tries, random(), displacements);
      if (next.is === 'refuse') {
        this.#life = undefined;
        this.#requests.abandon();
        this.#enter({ is: 'refused', refusal: next.refusal });
        return;
      }
      refused = next.refreshFirst ? token : undefined;
      tries += 1;
      this.#lastReason = reasonText(ended);
      this.#enter({ is: 'waiting', until: clock.now() + next.afterMs, tries, reason: this.#lastReason });
      const wake = new AbortController();
      this.#wake = wake;
      const stopWaiting = () => wake.abort();
      life.addEventListener('abort', stopWaiting);
      await delay(clock, next.afterMs, wake.signal);
      life.removeEventListener('abort', stopWaiting);
    }
  }

  /** One socket from its opening to its end. */
  #session(token: string, life: AbortSignal, greeted: () => void): Promise<Ended> {
    const { clock, openSocket, url, program } = this.#options;
    return new Promise((resolve) => {
      let reconnectAfterMs: number | undefined;
      let notGreeted: SottoError | undefined;
      let stopWatching: Cancel = () => undefined;
      let socket: ClientSocket | undefined;
      let over = false;
      /** The token that this session lives by; after a renewal that is not the one of its hello. */
      let present = token;

      const finish = (ended: Ended) => {
        if (over) return;
        over = true;
        deadline();
        stopWatching();
        life.removeEventListener('abort', leave);
        this.#socket = undefined;
        this.#requests.detach();
        socket?.close();
        resolve(ended);
      };
      const broken = (reason: string) =>
        finish(
          notGreeted === undefined ? { is: 'closed', code: 1006, reason } : { is: 'not_greeted', error: notGreeted },
        );
      const leave = () => broken('stopped');

      const deadline = clock.after(CONNECT_TIMEOUT_MS, () => broken('no answer while connecting'));
      const greet = (greeting: Greeting) => {
        if (over) return;
        deadline();
        greeted();
        this.#lastReason = undefined;
        this.#enter({ is: 'syncing', greeting });
        stopWatching = this.#watch(greeting.limits.pingEveryMs, broken);
        this.#requests.release(greeting.limits);
      };
      const refusedHello = (error: SottoError) => {
        if (over) return;
        // The close code that follows says more; a full socket may be unable to carry it.
        notGreeted = error;
        stopWatching = clock.after(CLOSE_CODE_TIMEOUT_MS, () => broken(error.message));
      };

      life.addEventListener('abort', leave);
      socket = openSocket(socketUrl(url), {
        open: () => {
          if (over) return;
          // From here on it is hello that has a deadline.
          deadline();
          this.#socket = socket;
          this.#lastSent = clock.now();
          this.#lastHeard = clock.now();
          this.#requests.attach((frame) => this.#send(frame));
          this.#requests.hello(program === undefined ? { token } : { token, client: program }, greet, refusedHello);
        },
        text: (frame) => {
          if (over) return;
          this.#lastHeard = clock.now();
          const event = this.#take(frame);
          if (event?.type === 'session.ending') ({ reconnectAfterMs } = event.body);
          if (event?.type === 'session.expiring')
            void this.#renew(present, (fresh) => {
              present = fresh;
            });
          if (event !== undefined) this.#handle(event);
        },
        close: (code, reason) => {
          if (code < 4000 && notGreeted !== undefined) return broken(reason);
          finish({ is: 'closed', code, reason, ...(reconnectAfterMs === undefined ? {} : { reconnectAfterMs }) });
        },
      });
    });
  }

  #take(frame: string): ServerEvent | undefined {
    try {
      return this.#requests.receive(frame);
    } catch (error) {
      this.#options.onProblem(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }

  #handle(event: ServerEvent): void {
    const state = this.#state;
    // The event goes first: whoever sees `ready` has been told everything before it.
    this.#options.onEvent(event);
    if (event.type === 'sync.done' && state.is === 'syncing') this.#enter({ is: 'ready', greeting: state.greeting });
  }

  async #renew(used: string, renewed: (fresh: string) => void): Promise<void> {
    const { tokens, onProblem } = this.#options;
    try {
      const fresh = await tokens.freshToken(used);
      renewed(fresh);
      await this.request('session.renew', { token: fresh });
    } catch (error) {
      // The server will close with 4501, and the next connection begins with a refresh.
      onProblem(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Pings after silence in either direction, and gives up when nothing at all comes back. */
  #watch(pingEveryMs: number, broken: (reason: string) => void): Cancel {
    const { clock } = this.#options;
    const every = Math.max(1_000, Math.min(pingEveryMs, 4 * PING_EVERY_MS));
    let cancel: Cancel;
    let lastPing = 0;
    const look = () => {
      const now = clock.now();
      if (now - this.#lastHeard >= every + PONG_TIMEOUT_MS) return broken('the server fell silent');
      const quietSince = Math.min(this.#lastSent, this.#lastHeard);
      if (now - quietSince >= every && now - lastPing >= PONG_TIMEOUT_MS) {
        lastPing = now;
        // Its answer only matters as a sign of life; a lost one is found by the next look.
        this.request('ping', {}).catch(() => undefined);
      }
      cancel = clock.after(Math.max(500, Math.min(PONG_TIMEOUT_MS, quietSince + every - now)), look);
    };
    cancel = clock.after(every, look);
    return () => cancel();
  }

  #send(frame: string): void {
    this.#lastSent = this.#options.clock.now();
    this.#socket?.send(frame);
  }

  #enter(state: ConnectionState): void {
    if (state.is === this.#state.is && state.is === 'stopped') return;
    this.#state = state;
    this.#options.onState(state);
  }
}

function reasonText(ended: Ended): string {
  if (ended.is !== 'closed') return ended.error instanceof Error ? ended.error.message : String(ended.error);
  return ended.reason || `closed with ${ended.code}`;
}
