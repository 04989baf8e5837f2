import type { TemplatedApp, HttpRequest as UwsRequest, HttpResponse as UwsResponse } from 'uWebSockets.js';
import type { BlockList } from 'node:net';
import { RequestError } from '../errors.ts';
import { clientAddress, plainAddress } from './address.ts';
import { errorAnswer, failureAnswer, refusal, statusLine } from './answers.ts';
import type { OriginRule } from './origins.ts';
import type { HttpRequest, HttpResponse, Route } from './transport.ts';

export interface HttpOptions {
  readonly routes: readonly Route[];
  readonly originAllowed: OriginRule;
  readonly trusted: BlockList;
  /** Logs an error that is nobody's answer, and says under which id. */
  readonly report: (error: unknown) => string;
  /** uWebSockets.js closes silent connections by itself; this ends those that drip. */
  readonly bodyWithinMs: number;
}

/** More than this at once are answered with 503: with the routes' body limits it bounds the memory of all requests. */
const maxInFlight = 1_024;
/** Of routes that take more than this many bytes there are fewer: their bodies are read before anybody knows who sends. */
const largeBody = 64 * 1_024;
const maxLargeInFlight = 32;

/** One request and its answer. Every use of `res` after the handler returned goes through here. */
interface Exchange {
  readonly res: UwsResponse;
  readonly abort: AbortController;
  /** Answered, or the client is gone: `res` must not be touched. */
  over: boolean;
  /** Sent with whatever the answer is. */
  readonly corsHeaders: Readonly<Record<string, string>>;
}

export function mountRoutes(app: TemplatedApp, options: HttpOptions): void {
  let inFlight = 0;
  let largeInFlight = 0;
  for (const [path, routes] of groupByPath(options.routes)) {
    for (const route of routes) {
      const register = route.method === 'GET' ? app.get.bind(app) : app.post.bind(app);
      register(path, (res, req) => guarded(res, req, options, (exchange) => serve(route, exchange, req)));
    }
    const methods = routes.map((route) => route.method).join(', ');
    app.options(path, (res, req) => guarded(res, req, options, (exchange) => answer(exchange, preflight(methods))));
    const wrongMethod = refusal(405, 'bad_request', `Use ${methods}.`);
    app.any(path, (res, req) =>
      guarded(res, req, options, (exchange) =>
        answer(exchange, { ...wrongMethod, headers: { ...wrongMethod.headers, Allow: methods } }),
      ),
    );
  }
  app.any('/*', (res, req) =>
    guarded(res, req, options, (exchange) =>
      answer(exchange, refusal(404, 'not_found', 'There is nothing at this address.')),
    ),
  );

  function serve(route: Route, exchange: Exchange, req: UwsRequest): void {
    // All of `req` is read now: it is gone when this function returns.
    const headers = readHeaders(req);
    const request: Omit<HttpRequest, 'body'> = {
      method: route.method,
      path: req.getUrl(),
      params: readParams(route.path, req),
      query: new URLSearchParams(req.getQuery()),
      headers,
      remoteAddress: clientAddress(peerAddress(exchange.res), headers.get('x-forwarded-for'), options.trusted),
      signal: exchange.abort.signal,
    };
    const large = route.maxBody > largeBody ? 1 : 0;
    if (inFlight >= maxInFlight || (large === 1 && largeInFlight >= maxLargeInFlight)) {
      answer(exchange, refusal(503, 'unavailable', 'Too many requests at once.', 1_000));
      return;
    }
    if (Number(headers.get('content-length') ?? 0) > route.maxBody) {
      answer(exchange, tooLarge(route), true);
      return;
    }
    inFlight += 1;
    largeInFlight += large;
    handleWhole(route, exchange, request, options.bodyWithinMs)
      .catch((error: unknown) => answer(exchange, failureAnswer(error, options.report)))
      .finally(() => {
        inFlight -= 1;
        largeInFlight -= large;
      });
  }
}

async function handleWhole(
  route: Route,
  exchange: Exchange,
  request: Omit<HttpRequest, 'body'>,
  bodyWithinMs: number,
): Promise<void> {
  const body = route.method === 'POST' ? await readBody(route, exchange, bodyWithinMs) : new Uint8Array();
  if (body === undefined) return;
  answer(exchange, await route.handle({ ...request, body }));
}

/** `undefined` when there is nobody left to answer. */
function readBody(route: Route, exchange: Exchange, bodyWithinMs: number): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const refuse = (response: HttpResponse): void => {
      answer(exchange, response, true);
      resolve(undefined);
    };
    const timer = setTimeout(
      () => refuse(refusal(408, 'bad_request', 'The body did not arrive in time.')),
      bodyWithinMs,
    );
    const settled = (): void => clearTimeout(timer);
    exchange.abort.signal.addEventListener('abort', () => {
      settled();
      resolve(undefined);
    });
    exchange.res.onData((chunk, isLast) => {
      if (exchange.over) return;
      bytes += chunk.byteLength;
      if (bytes > route.maxBody) {
        settled();
        chunks.length = 0;
        refuse(tooLarge(route));
        return;
      }
      // The chunk's memory is taken back when this function returns.
      if (chunk.byteLength > 0) chunks.push(new Uint8Array(chunk.slice(0)));
      if (!isLast) return;
      settled();
      resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
    });
  });
}

/**
 * Runs the synchronous part of a route. uWebSockets.js ends the process for a route that throws, or that returns with
 * neither an answer nor `onAborted`; it also has no answer for what comes after the client has gone.
 */
function guarded(res: UwsResponse, req: UwsRequest, options: HttpOptions, serve: (exchange: Exchange) => void): void {
  const origin = req.getHeader('origin');
  // The forms of this server's own pages name its own address.
  const own = origin !== '' && origin.replace(/^https?:\/\//, '') === req.getHeader('host');
  const allowed = own || options.originAllowed(origin);
  const corsHeaders: Record<string, string> = origin === '' ? {} : { Vary: 'Origin' };
  if (origin !== '' && allowed) corsHeaders['Access-Control-Allow-Origin'] = origin;
  const exchange: Exchange = { res, abort: new AbortController(), over: false, corsHeaders };
  res.onAborted(() => {
    exchange.over = true;
    exchange.abort.abort();
  });
  try {
    if (allowed) serve(exchange);
    else answer(exchange, refusal(403, 'forbidden', 'Pages of this origin may not use this server.'));
  } catch (error) {
    answer(exchange, failureAnswer(error, options.report));
  }
}

function answer(exchange: Exchange, response: HttpResponse, closeConnection = false): void {
  if (exchange.over) return;
  exchange.over = true;
  const { res } = exchange;
  const headers = {
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...exchange.corsHeaders,
    ...response.headers,
  };
  res.cork(() => {
    res.writeStatus(statusLine(response.status));
    for (const [name, value] of Object.entries(headers)) res.writeHeader(name, value);
    // With an argument it would report a length, which a 204 must not have.
    if (response.status === 204) res.endWithoutBody();
    else res.end(response.body ?? '', closeConnection);
  });
}

function preflight(methods: string): HttpResponse {
  return {
    status: 204,
    headers: {
      'Access-Control-Allow-Methods': methods,
      'Access-Control-Allow-Headers': 'Authorization, Content-Type',
      'Access-Control-Max-Age': '600',
    },
  };
}

function tooLarge(route: Route): HttpResponse {
  return errorAnswer(new RequestError('too_large', { message: `The body is larger than ${route.maxBody} bytes.` }));
}

function readHeaders(req: UwsRequest): Map<string, string> {
  const headers = new Map<string, string>();
  req.forEach((name, value) => {
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  });
  return headers;
}

function readParams(path: string, req: UwsRequest): Record<string, string> {
  const names = path.split('/').filter((segment) => segment.startsWith(':'));
  return Object.fromEntries(names.map((name, index) => [name.slice(1), decoded(req.getParameter(index))]));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not valid percent encoding.
    throw new RequestError('bad_request', { message: 'The address of the request is not well formed.' });
  }
}

export function peerAddress(res: UwsResponse): string {
  return plainAddress(Buffer.from(res.getRemoteAddressAsText()).toString('latin1'));
}

function groupByPath(routes: readonly Route[]): Map<string, Route[]> {
  const groups = new Map<string, Route[]>();
  for (const route of routes) groups.set(route.path, [...(groups.get(route.path) ?? []), route]);
  return groups;
}
