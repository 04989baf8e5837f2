import type { TemplatedApp, HttpRequest as UwsRequest, HttpResponse as UwsResponse } from 'uWebSockets.js';
import type { BlockList } from 'node:net';
import { RequestError } from '../errors.ts';
import { clientAddress, plainAddress } from './address.ts';
import { errorAnswer, failureAnswer, refusal, statusLine } from './answers.ts';
import type { OriginRule } from './origins.ts';
import { Places } from './places.ts';
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

/** More than this at once, whose bodies are there, are answered with 503. */
const maxInFlight = 1_024;
/**
 * Bodies on their way, in all and from one network: they are read before anybody knows who sends, and some never end. With the
 * routes' limits this bounds their memory.
 */
const maxArriving = [4_096, 64] as const;
/** And those of routes that take more than this many bytes, until they are answered. */
const largeBody = 64 * 1_024;
const maxLargeBodies = [32, 4] as const;

/** One request and its answer. Every use of `res` after the handler returned goes through here. */
interface Exchange {
  readonly res: UwsResponse;
  /** The answer's headers are wanted, and not its body (RFC 9110 section 9.3.2). */
  readonly head: boolean;
  /** Answered, or the client is gone: `res` must not be touched. */
  over: boolean;
  /** Called if the client leaves. */
  gone: () => void;
  /** Sent with whatever the answer is. */
  readonly corsHeaders: Readonly<Record<string, string>>;
}

export function mountRoutes(app: TemplatedApp, options: HttpOptions): void {
  let inFlight = 0;
  const arriving = new Places(...maxArriving);
  const largeBodies = new Places(...maxLargeBodies);
  for (const [path, routes] of groupByPath(options.routes)) {
    for (const route of routes) {
      const register = route.method === 'GET' ? app.get.bind(app) : app.post.bind(app);
      const take = (res: UwsResponse, req: UwsRequest): void =>
        guarded(res, req, options, (exchange) => serve(route, exchange, req));
      register(path, take);
      if (route.method === 'GET') app.head(path, take);
    }
    const methods = routes.map((route) => route.method).join(', ');
    const allowed = methods.replace('GET', 'GET, HEAD');
    app.options(path, (res, req) => guarded(res, req, options, (exchange) => answer(exchange, preflight(methods))));
    const wrongMethod = refusal(405, 'bad_request', `Use ${allowed}.`);
    app.any(path, (res, req) =>
      guarded(res, req, options, (exchange) =>
        answer(exchange, { ...wrongMethod, headers: { ...wrongMethod.headers, Allow: allowed } }),
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
    };
    if (Number(headers.get('content-length') ?? 0) > route.maxBody) {
      answer(exchange, tooLarge(route), true);
      return;
    }
    if (route.method === 'GET') return void handle(route, exchange, { ...request, body: new Uint8Array() });
    const large = route.maxBody > largeBody;
    const places = large ? largeBodies : arriving;
    if (!places.hasRoom(request.remoteAddress)) {
      answer(exchange, tooMany(), true);
      return;
    }
    places.take(request.remoteAddress);
    const giveBack = (): void => places.giveBack(request.remoteAddress);
    void readBody(route, exchange, options.bodyWithinMs).then(async (body) => {
      if (!large) giveBack();
      if (body !== undefined) await handle(route, exchange, { ...request, body });
      if (large) giveBack();
    });
  }

  /** Never rejects. A request counts from when all of it is there: one that drips takes nobody's turn. */
  async function handle(route: Route, exchange: Exchange, request: HttpRequest): Promise<void> {
    if (inFlight >= maxInFlight) return answer(exchange, tooMany());
    inFlight += 1;
    try {
      answer(exchange, await route.handle(request));
    } catch (error) {
      answer(exchange, failureAnswer(error, options.report));
    } finally {
      inFlight -= 1;
    }
  }
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
    exchange.gone = () => {
      settled();
      resolve(undefined);
    };
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
  const exchange: Exchange = { res, over: false, gone: () => {}, corsHeaders, head: req.getMethod() === 'head' };
  res.onAborted(() => {
    exchange.over = true;
    exchange.gone();
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
    // uWebSockets.js reads no further request of a connection after this.
    else if (exchange.head) res.endWithoutBody(Buffer.byteLength(response.body ?? ''), true);
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

const tooMany = (): HttpResponse => refusal(503, 'unavailable', 'Too many requests at once.', 1_000);

function tooLarge(route: Route): HttpResponse {
  return errorAnswer(new RequestError('too_large', { message: `The body is larger than ${route.maxBody} bytes.` }));
}

/** Several lines of one name are one list, in their order (RFC 9110 section 5.3). */
export function readHeaders(req: UwsRequest): Map<string, string> {
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
