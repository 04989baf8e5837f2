import * as v from 'valibot';
import { commitSend } from '../../protocol/commit.ts';
import type { Reply } from '../../protocol/index.ts';
import type { Commits } from '../delivery/commits.ts';
import { RequestError } from '../errors.ts';
import type { HttpRequest, Route } from '../listen/transport.ts';
import type { Identity } from '../store/store.ts';
import { json, readBody } from './body.ts';
import { post } from './route.ts';

/** The largest commit and welcome of the contract in base64url, and the lists beside them. */
const MAX_COMMIT_BODY = 2 * 1024 * 1024;

/** `POST /v1/conversations/:id/commits`: `commit.send` whose frame would be too large; the path names the conversation. */
export function commitRoute(deps: {
  commits: Commits;
  authenticate: (request: HttpRequest) => Promise<Identity>;
}): Route {
  const handle = async (request: HttpRequest) => {
    const identity = await deps.authenticate(request);
    const body = {
      ...readBody(request, v.omit(commitSend.body, ['conversationId'])),
      conversationId: conversationOf(request),
    };
    const reply = await new Promise<Reply<'commit.send'>>((resolve, reject) =>
      deps.commits.send(identity, body, undefined, resolve, reject),
    );
    return json(200, reply);
  };
  return { ...post('/v1/conversations/:id/commits', handle), maxBody: MAX_COMMIT_BODY };
}

function conversationOf(request: HttpRequest): string {
  const parsed = v.safeParse(commitSend.body.entries.conversationId, request.params.id);
  if (!parsed.success) throw new RequestError('not_found');
  return parsed.output;
}
