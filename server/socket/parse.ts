/** A frame before its body has met a schema. */
export type Parsed =
  | { readonly kind: 'request'; readonly id: number; readonly type: string; readonly body: unknown }
  | { readonly kind: 'notification'; readonly type: string; readonly body: unknown }
  | { readonly kind: 'malformed'; readonly reason: string };

const MAX_TYPE = 64;

/** Reads a client's frame. Anything that isn't one is a breach of the protocol, named by `reason`. */
export function parseFrame(text: string): Parsed {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return { kind: 'malformed', reason: 'not JSON' };
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame))
    return { kind: 'malformed', reason: 'not an object' };
  const { id, type, body = {} } = frame as { id?: unknown; type?: unknown; body?: unknown };
  if (typeof type !== 'string' || type.length === 0 || type.length > MAX_TYPE)
    return { kind: 'malformed', reason: 'type missing' };
  if (id === undefined) return { kind: 'notification', type, body };
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id < 1)
    return { kind: 'malformed', reason: 'id is no positive integer' };
  return { kind: 'request', id, type, body };
}
