import type * as v from 'valibot';
import * as http from '../../protocol/http.ts';
import * as account from '../accounts/account.ts';
import type { AccountDeps } from '../accounts/deps.ts';
import type { HttpResponse, Route } from '../listen/transport.ts';
import { authenticate, type Caller } from './bearer.ts';
import { json, noContent, readBody } from './body.ts';
import { get, post } from './route.ts';

/** `/v1/account/...` of the public port: what people do with their own account. */
export function accountRoutes(deps: AccountDeps): Route[] {
  const own = <Body extends v.GenericSchema>(
    path: string,
    schema: Body,
    work: (caller: Caller, body: v.InferOutput<Body>) => Promise<void>,
    answer: HttpResponse = noContent,
  ) =>
    post(`/v1/account/${path}`, async (request) => {
      const caller = await authenticate(deps, request);
      await work(caller, readBody(request, schema));
      return answer;
    });
  return [
    own('password', http.changePassword, (caller, body) =>
      account.changePassword(deps, caller, body.password, body.newPassword),
    ),
    own(
      'email',
      http.changeEmail,
      (caller, body) => account.changeEmail(deps, caller, body.password, body.email),
      json(202, { status: 'verification_sent' }),
    ),
    own('username', http.changeUsername, (caller, body) =>
      account.changeUsername(deps, caller, body.password, body.username),
    ),
    own('delete', http.deleteAccount, (caller, body) => account.deleteAccount(deps, caller, body.password)),
    get('/v1/account/export', async (request) => {
      const answer = json(200, await account.exportAccount(deps, await authenticate(deps, request)));
      return { ...answer, headers: { ...answer.headers, 'Content-Disposition': 'attachment; filename="sotto.json"' } };
    }),
  ];
}
