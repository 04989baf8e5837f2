import { recoveryUpload } from '../../protocol/recovery.ts';
import type { Recovery } from '../directory/recovery.ts';
import type { HttpRequest, Route } from '../listen/transport.ts';
import type { Identity } from '../store/store.ts';
import { json, noContent, readBody } from './body.ts';
import { get, post } from './route.ts';

/** The largest blob in base64url, and what stands around it. */
const MAX_BODY = 1536 * 1024;

/** `/v1/account/recovery`: `recovery.put` and `recovery.get` for blobs that no frame holds. */
export function recoveryRoutes(deps: {
  recovery: Recovery;
  authenticate: (request: HttpRequest) => Promise<Identity>;
}): Route[] {
  const path = '/v1/account/recovery';
  const put = post(path, async (request) => {
    const identity = await deps.authenticate(request);
    await deps.recovery.put(identity, readBody(request, recoveryUpload));
    return noContent;
  });
  return [
    { ...put, maxBody: MAX_BODY },
    get(path, async (request) => json(200, await deps.recovery.get(await deps.authenticate(request)))),
  ];
}
