import * as v from 'valibot';
import { errorCode } from './codes.ts';
import { duration } from './scalars.ts';

/** The subprotocol a client may name in its upgrade request. */
export const SUBPROTOCOL = 'sotto.v1';
export const SOCKET_PATH = '/v1/socket';

const requestId = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const type = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const body = v.unknown();

/** What a client sends: with an id a request, without one a notification. */
export const clientFrame = v.object({ id: v.optional(requestId), type, body: v.optional(body) });

export const replyFrame = v.object({ type: v.literal('reply'), id: requestId, body });

export const errorFrame = v.object({
  type: v.literal('error'),
  id: requestId,
  /** Stable; programs decide by it. */
  code: errorCode,
  /** For humans; may change. */
  message: v.string(),
  retryAfterMs: v.optional(duration),
  details: v.optional(v.record(v.string(), v.unknown())),
});

export const eventFrame = v.object({ type, body });

export type ClientFrame = v.InferOutput<typeof clientFrame>;
export type ErrorFrame = v.InferOutput<typeof errorFrame>;
