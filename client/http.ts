import * as v from 'valibot';
import type { Schema } from '../protocol/define.ts';
import * as wire from '../protocol/http.ts';
import * as recovery from '../protocol/recovery.ts';
import { anyError, fromServer, reasonOf, SottoError } from './errors.ts';
import { checked } from './requests.ts';

const anyErrorAnswer = v.object({ error: anyError });

export interface HttpOptions {
  /** The server's base address, for example `https://chat.example.org`. */
  readonly url: string;
  readonly fetch?: typeof fetch;
  /** After so many milliseconds without an answer a call rejects with `unavailable`; 15 000 unless told. */
  readonly timeoutMs?: number;
}

export type Http = ReturnType<typeof createHttp>;

/** The calls over HTTP: accounts and tokens. Each rejects with a `SottoError`; no answer at all is `unavailable`. */
export function createHttp({ url, fetch: ask = globalThis.fetch, timeoutMs = 15_000 }: HttpOptions) {
  async function call(method: 'GET' | 'POST', path: string, body?: unknown, token?: string): Promise<unknown> {
    const headers = new Headers();
    if (body !== undefined) headers.set('content-type', 'application/json');
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(timeoutMs), redirect: 'error' };
    if (body !== undefined) init.body = JSON.stringify(body);
    let status: number;
    let text: string;
    try {
      const response = await ask(new URL(path, url), init);
      status = response.status;
      text = await response.text();
    } catch (error) {
      throw new SottoError('unavailable', `${new URL(url).host} does not answer (${causeOf(error)})`, { cause: error });
    }
    const answer = parseJson(text);
    if (status >= 200 && status < 300) return answer;
    const refusal = v.safeParse(anyErrorAnswer, answer);
    if (refusal.success) throw fromServer(refusal.output.error);
    throw new SottoError(status >= 500 ? 'unavailable' : 'internal', `${path} was answered with status ${status}`);
  }

  const post = async <Answer extends Schema>(
    path: string,
    schema: Schema,
    body: unknown,
    answer: Answer,
    token?: string,
  ): Promise<v.InferOutput<Answer>> => parse(path, answer, await call('POST', path, checked(schema, body), token));

  const nothing = v.unknown();
  const done = async (path: string, schema: Schema, body: unknown, token?: string): Promise<void> => {
    await post(path, schema, body, nothing, token);
  };

  return {
    /** The answer is the same for known and unknown addresses; the account exists once its e-mail is confirmed. */
    register: (body: v.InferInput<typeof wire.register>) =>
      post('/v1/auth/register', wire.register, body, wire.registerAnswer),
    verifyEmail: (token: string) => done('/v1/auth/verify-email', wire.verifyEmail, { token }),
    resendVerification: (email: string) => done('/v1/auth/resend-verification', wire.emailOnly, { email }),
    forgotPassword: (email: string) => done('/v1/auth/forgot-password', wire.emailOnly, { email }),
    resetPassword: (body: v.InferInput<typeof wire.resetPassword>) =>
      done('/v1/auth/reset-password', wire.resetPassword, body),
    login: (body: v.InferInput<typeof wire.login>) => post('/v1/auth/login', wire.login, body, wire.tokens),
    refresh: (body: v.InferInput<typeof wire.refresh>) => post('/v1/auth/refresh', wire.refresh, body, wire.tokens),
    logout: async (token: string): Promise<void> => {
      await call('POST', '/v1/auth/logout', undefined, token);
    },
    changePassword: (token: string, body: v.InferInput<typeof wire.changePassword>) =>
      done('/v1/account/password', wire.changePassword, body, token),
    changeEmail: (token: string, body: v.InferInput<typeof wire.changeEmail>) =>
      done('/v1/account/email', wire.changeEmail, body, token),
    changeUsername: (token: string, body: v.InferInput<typeof wire.changeUsername>) =>
      done('/v1/account/username', wire.changeUsername, body, token),
    deleteAccount: (token: string, body: v.InferInput<typeof wire.deleteAccount>) =>
      done('/v1/account/delete', wire.deleteAccount, body, token),
    exportAccount: (token: string): Promise<unknown> => call('GET', '/v1/account/export', undefined, token),
    /** A recovery blob whose frame would be too large for the socket. */
    putRecovery: (token: string, body: v.InferInput<typeof recovery.recoveryUpload>) =>
      done('/v1/account/recovery', recovery.recoveryUpload, body, token),
    getRecovery: async (token: string) =>
      parse(
        '/v1/account/recovery',
        recovery.recoveryAnswer,
        await call('GET', '/v1/account/recovery', undefined, token),
      ),
    /** A commit whose frame would be too large for the socket. */
    sendCommit: (token: string, conversationId: string, body: unknown): Promise<unknown> =>
      call('POST', `/v1/conversations/${encodeURIComponent(conversationId)}/commits`, body, token),
  };
}

function parse<S extends Schema>(path: string, schema: S, answer: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, answer);
  if (result.success) return result.output;
  throw new SottoError('internal', `the answer to ${path} is malformed: ${result.issues[0].message}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not this server's answer (a proxy's page, or nothing): the status alone decides.
    return undefined;
  }
}

/** `fetch failed` says nothing; its cause does. */
const causeOf = (error: unknown): string =>
  reasonOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
