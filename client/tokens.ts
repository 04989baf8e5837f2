import * as v from 'valibot';
import { type Tokens, tokens } from '../protocol/http.ts';
import type { Clock } from './clock.ts';
import { SottoError } from './errors.ts';
import type { Http } from './http.ts';
import type { ClientStore } from './store.ts';

/** Where a connection gets its access token from. */
export interface TokenSource {
  /** A token that is good for a while; asks the server for a new one when the present one is about to expire. */
  accessToken(): Promise<string>;
  /** The same, but never a token equal to `refused`. */
  freshToken(refused: string | undefined): Promise<string>;
}

/** Runs `work` alone among all holders of the same name. */
export type Lock = <T>(name: string, work: () => Promise<T>) => Promise<T>;

const KEY = 'session';
const MARGIN_MS = 30_000;

/** One at a time within this process, and among the tabs of a browser where that is possible. */
export function platformLock(): Lock {
  const locks = typeof navigator === 'undefined' ? undefined : navigator.locks;
  if (locks !== undefined) return async (name, work) => locks.request(name, work);
  const tails = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const run = (tails.get(name) ?? Promise.resolve()).then(work, work);
    tails.set(name, run);
    return run;
  };
}

/** The tokens of this device, kept in the store, refreshed by one caller at a time. */
export class Session implements TokenSource {
  readonly #http: Http;
  readonly #store: ClientStore;
  readonly #clock: Clock;
  readonly #lock: Lock;

  constructor(http: Http, store: ClientStore, clock: Clock, lock: Lock = platformLock()) {
    this.#http = http;
    this.#store = store;
    this.#clock = clock;
    this.#lock = lock;
  }

  /** Who is logged in here, or undefined. */
  async current(): Promise<Tokens | undefined> {
    const stored = v.safeParse(tokens, await this.#store.get(KEY));
    return stored.success ? stored.output : undefined;
  }

  async keep(value: Tokens): Promise<void> {
    await this.#store.write([{ key: KEY, value }]);
  }

  async forget(): Promise<void> {
    await this.#store.write([{ key: KEY }]);
  }

  async accessToken(): Promise<string> {
    const held = await this.#required();
    return this.#expiresSoon(held) ? this.freshToken(held.accessToken) : held.accessToken;
  }

  freshToken(refused: string | undefined): Promise<string> {
    return this.#lock('sotto.refresh', async () => {
      // Another caller, or another tab, may have been faster.
      const held = await this.#required();
      if (held.accessToken !== refused && !this.#expiresSoon(held)) return held.accessToken;
      const fresh = await this.#http.refresh({ refreshToken: held.refreshToken });
      // Kept before it is used: presenting the successor makes its predecessor worthless.
      await this.keep(fresh);
      return fresh.accessToken;
    });
  }

  async #required(): Promise<Tokens> {
    const held = await this.current();
    if (held === undefined) throw new SottoError('unauthenticated', 'nobody is logged in here');
    return held;
  }

  #expiresSoon(held: Tokens): boolean {
    return Date.parse(held.accessTokenExpiresAt) - this.#clock.now() < MARGIN_MS;
  }
}
