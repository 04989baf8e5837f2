import * as v from 'valibot';
import { type Tokens, tokens } from '../protocol/http.ts';
import { SottoError } from './errors.ts';
import type { Http } from './http.ts';
import type { ClientStore } from './store.ts';
import type { Session } from './tokens.ts';

export interface LoginInput {
  /** A username or an e-mail address. */
  readonly login: string;
  readonly password: string;
  /** How this device appears in the list of devices. */
  readonly deviceName: string;
}

/** The tokens of the last session, by which the server recognises this device after a logout. */
const LAST = 'session.last';

const over = new Set<string>(['unauthenticated', 'token_invalid', 'token_reuse']);

/** The calls of a client that are about who is logged in. */
export const accountCalls = (
  account: Account,
  session: Session,
  { stillOpen, loggedOut }: { stillOpen: () => void; loggedOut: () => void },
) => ({
  /** Who is logged in here. */
  whoAmI: async () => {
    const held = await account.current();
    return held && { userId: held.userId, deviceId: held.deviceId };
  },
  async login(input: LoginInput): Promise<Tokens> {
    stillOpen();
    return account.login(input);
  },
  /** An access token for calls over HTTP. */
  accessToken: () => session.accessToken(),
  /** Logs this device out and ends the connection. What it holds stays for the next login. */
  async logout(): Promise<void> {
    await account.logout();
    // Not before the server has answered: whoever could not be logged out is still there.
    loggedOut();
  },
  /** Forgets a session that the server has ended, so that somebody can log in again. */
  forgetSession: () => account.forget(),
});

/** Who is logged in on this device. One store belongs to one user for good. */
export class Account {
  readonly #http: Http;
  readonly #session: Session;
  readonly #store: ClientStore;

  constructor(http: Http, session: Session, store: ClientStore) {
    this.#http = http;
    this.#session = session;
    this.#store = store;
  }

  current(): Promise<Tokens | undefined> {
    return this.#session.current();
  }

  async login({ login, password, deviceName }: LoginInput): Promise<Tokens> {
    const last = (await this.#session.current()) ?? (await this.#last());
    const again = last === undefined ? {} : { id: last.deviceId, refreshToken: last.refreshToken };
    const fresh = await this.#http.login({ login, password, device: { name: deviceName, ...again } });
    if (last !== undefined && last.userId !== fresh.userId) {
      // Keeping it would mix two people's messages.
      await this.#http.logout(fresh.accessToken);
      throw new SottoError('conflict', 'this store belongs to another user; use a store of its own for each');
    }
    await this.#session.keep(fresh);
    return fresh;
  }

  /** Ends the session on the server; what this device holds is kept for the next login of the same user. */
  async logout(): Promise<void> {
    const held = await this.#session.current();
    if (held === undefined) return;
    try {
      await this.#http.logout(await this.#session.accessToken());
    } catch (error) {
      // There is no session to be ended.
      if (!(error instanceof SottoError && over.has(error.code))) throw error;
    }
    await this.#store.write([{ key: LAST, value: (await this.#session.current()) ?? held }]);
    await this.#session.forget();
  }

  /** Forgets a session that the server has ended. */
  async forget(): Promise<void> {
    const held = await this.#session.current();
    if (held !== undefined) await this.#store.write([{ key: LAST, value: held }]);
    await this.#session.forget();
  }

  async #last(): Promise<Tokens | undefined> {
    const stored = v.safeParse(tokens, await this.#store.get(LAST));
    return stored.success ? stored.output : undefined;
  }
}
