import * as v from 'valibot';
import { username, uuid } from '../../protocol/scalars.ts';
import { administer } from '../accounts/administration.ts';
import type { AccountDeps } from '../accounts/deps.ts';
import { RequestError } from '../errors.ts';
import type { HttpRequest, Route } from '../listen/transport.ts';
import * as store from '../store/audit.ts';
import { authenticate, type Caller } from './bearer.ts';
import { json } from './body.ts';
import { get, post } from './route.ts';

export interface AdminDeps extends Pick<AccountDeps, 'gate' | 'tokens' | 'endSessions' | 'log'> {
  /** What only this instance knows: live sockets, requests in flight, queues. */
  readonly live: () => Readonly<Record<string, unknown>>;
  /** Mails that wait for a worker in Redis; nothing without Redis, or while it is away. */
  readonly mailJobs: () => Promise<number | undefined>;
}

const limit = v.optional(
  v.pipe(v.string(), v.regex(/^\d{1,3}$/, 'must be a number'), v.transform(Number), v.minValue(1), v.maxValue(200)),
  '50',
);
const userQuery = v.object({
  search: v.optional(v.pipe(v.string(), v.maxLength(254), v.toLowerCase())),
  after: v.optional(username),
  limit,
});
const auditQuery = v.object({ before: v.optional(uuid), limit });

/** `/v1/admin/...` of the administration port. The role comes from the database with every call. */
export function adminRoutes(deps: AdminDeps): Route[] {
  const administrator = async (request: HttpRequest): Promise<Caller> => {
    const caller = await authenticate(deps, request);
    if (caller.role !== 'admin') throw new RequestError('forbidden');
    return caller;
  };
  const look = (path: string, answer: (request: HttpRequest) => Promise<unknown>): Route =>
    get(`/v1/admin/${path}`, async (request) => {
      await administrator(request);
      return json(200, await answer(request));
    });
  const change = (what: 'suspend' | 'reinstate' | 'revoke-sessions'): Route =>
    post(`/v1/admin/users/:id/${what}`, async (request) => {
      const caller = await administrator(request);
      const actor = { id: caller.userId, name: caller.username, origin: request.remoteAddress };
      return json(200, { changed: await administer(deps, what, read(uuid, request.params.id), actor) });
    });
  return [
    look('users', async (request) => {
      const { search, after, limit: most } = read(userQuery, Object.fromEntries(request.query));
      const users = await store.listUsers(deps.gate, search, after, most);
      return { users, ...(users.length === most && { after: users.at(-1)?.username }) };
    }),
    look('users/:id', async (request) => {
      const user = await store.findUser(deps.gate, read(uuid, request.params.id));
      if (user === undefined) throw new RequestError('not_found');
      return { user };
    }),
    look('stats', async () => ({
      ...(await store.countEverything(deps.gate)),
      failedMails: await store.listFailedMails(deps.gate),
      database: deps.gate.counts(),
      live: deps.live(),
      mailJobs: (await deps.mailJobs()) ?? null,
    })),
    look('audit', async (request) => {
      const { before, limit: most } = read(auditQuery, Object.fromEntries(request.query));
      const entries = await store.listAudit(deps.gate, before, most);
      return { entries, ...(entries.length === most && { before: entries.at(-1)?.id }) };
    }),
    change('suspend'),
    change('reinstate'),
    change('revoke-sessions'),
  ];
}

function read<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const field = v.getDotPath(parsed.issues[0]) ?? 'id';
  throw new RequestError('bad_request', { message: `${field}: ${parsed.issues[0].message}`, details: { field } });
}
