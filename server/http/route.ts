import { RequestError } from '../errors.ts';
import type { HttpRequest, HttpResponse, Route } from '../listen/transport.ts';
import { StoreUnavailable } from '../store/errors.ts';

const MAX_BODY = 16 * 1024;

type Handle = (request: HttpRequest) => Promise<HttpResponse>;

export function get(path: string, handle: Handle): Route {
  return { method: 'GET', path, maxBody: 0, handle: honest(handle) };
}

export function post(path: string, handle: Handle): Route {
  return { method: 'POST', path, maxBody: MAX_BODY, handle: honest(handle) };
}

/** A database that is away is no mistake of ours: the client is told to come again. */
function honest(handle: Handle): Handle {
  return async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      if (error instanceof StoreUnavailable) throw new RequestError('unavailable', { retryAfterMs: 1_000 });
      throw error;
    }
  };
}
