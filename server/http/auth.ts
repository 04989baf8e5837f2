import { errorCodes } from '../../protocol/codes.ts';
import * as http from '../../protocol/http.ts';
import { forgotPassword, resetPassword } from '../accounts/account.ts';
import type { AccountDeps } from '../accounts/deps.ts';
import { readLink, register, resendVerification, verifyEmail } from '../accounts/registration.ts';
import { login, logout, refresh } from '../accounts/sessions.ts';
import { RequestError } from '../errors.ts';
import { networkOf } from '../listen/address.ts';
import type { HttpRequest, HttpResponse, Route } from '../listen/transport.ts';
import { authenticate } from './bearer.ts';
import { isForm, json, noContent, readBody } from './body.ts';
import { confirmPage, newPasswordPage, wordPage } from './pages.ts';
import { get, post } from './route.ts';

const accepted = json(202, {});

/** By whom limits count. */
const clientOf = (request: HttpRequest): string => networkOf(request.remoteAddress);

/** `/v1/auth/...` of the public port. */
export function authRoutes(deps: AccountDeps): Route[] {
  return [
    post('/v1/auth/register', async (request) => {
      await register(deps, readBody(request, http.register), clientOf(request));
      return json(202, { status: 'verification_sent' });
    }),
    post('/v1/auth/resend-verification', async (request) => {
      await resendVerification(deps, readBody(request, http.emailOnly).email, clientOf(request));
      return accepted;
    }),
    post('/v1/auth/forgot-password', async (request) => {
      await forgotPassword(deps, readBody(request, http.emailOnly).email, clientOf(request));
      return accepted;
    }),
    get('/v1/auth/reset-password', (request) => resetPage(deps, request)),
    post('/v1/auth/reset-password', (request) => reset(deps, request)),
    get('/v1/auth/verify-email', (request) => verificationPage(deps, request)),
    post('/v1/auth/verify-email', (request) => verification(deps, request)),
    post('/v1/auth/login', async (request) =>
      json(200, await login(deps, readBody(request, http.login), clientOf(request))),
    ),
    post('/v1/auth/refresh', async (request) =>
      json(200, await refresh(deps, readBody(request, http.refresh).refreshToken, clientOf(request))),
    ),
    post('/v1/auth/logout', async (request) => {
      await logout(deps, await authenticate(deps, request));
      return noContent;
    }),
    get('/v1/auth/keys', () => Promise.resolve(json(200, { keys: deps.tokens.publicKeys }))),
  ];
}

/** Shows whose account a link is about. Looking does nothing: mail scanners follow links. */
async function verificationPage(deps: AccountDeps, request: HttpRequest): Promise<HttpResponse> {
  const token = request.query.get('token') ?? '';
  const link = await readLink(deps, token, clientOf(request));
  if (link?.purpose === 'verify_registration') {
    return confirmPage(
      token,
      'Confirm your address',
      `This makes the account ${link.username}. Only do so if you registered that name.`,
    );
  }
  if (link?.purpose === 'change_email') {
    return confirmPage(
      token,
      'Confirm your address',
      `From now on ${link.newEmail} belongs to the account ${link.username}.`,
    );
  }
  return gone();
}

async function verification(deps: AccountDeps, request: HttpRequest): Promise<HttpResponse> {
  return linkAnswer(request, 'The address is confirmed. You can log in now.', () =>
    verifyEmail(deps, readBody(request, http.verifyEmail).token, clientOf(request)),
  );
}

async function resetPage(deps: AccountDeps, request: HttpRequest): Promise<HttpResponse> {
  const token = request.query.get('token') ?? '';
  const link = await readLink(deps, token, clientOf(request));
  return link?.purpose === 'reset_password' ? newPasswordPage(token, link.username) : gone();
}

async function reset(deps: AccountDeps, request: HttpRequest): Promise<HttpResponse> {
  return linkAnswer(request, 'The password is changed. You can log in with it now.', () => {
    const { token, password } = readBody(request, http.resetPassword);
    return resetPassword(deps, token, password, clientOf(request));
  });
}

/** Programs get the contract's answers; a person who pressed a button gets a page. */
async function linkAnswer(request: HttpRequest, done: string, work: () => Promise<void>): Promise<HttpResponse> {
  if (!isForm(request)) {
    await work();
    return noContent;
  }
  try {
    await work();
    return wordPage(200, 'Thank you', done);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    return error.code === 'token_invalid'
      ? gone()
      : wordPage(errorCodes[error.code].status, 'That did not work', `${error.message} Go back and try again.`);
  }
}

function gone(): HttpResponse {
  return wordPage(
    404,
    'This link is no longer valid',
    'It was used before, or it has expired. Ask for a new one in the application.',
  );
}
