import * as v from 'valibot';
import type { Schema } from '../protocol/define.ts';
import {
  type EventBody,
  type EventType,
  events,
  isEventType,
  type NotificationType,
  notifications,
  type Reply,
  type RequestInput,
  type RequestType,
  requests,
} from '../protocol/index.ts';
import { HELLO_REPLY_MS, MAX_FRAME_BYTES, MAX_IN_FLIGHT } from '../protocol/scalars.ts';
import type { Cancel, Clock } from './clock.ts';
import { anyError, fromServer, SottoError } from './errors.ts';

export type ServerEvent = { [Type in EventType]: { readonly type: Type; readonly body: EventBody<Type> } }[EventType];
export type NotificationInput<Type extends NotificationType> = v.InferInput<(typeof notifications)[Type]['body']>;

interface Call {
  readonly type: RequestType;
  readonly body: unknown;
  readonly cancel: Cancel;
  resolve(body: unknown): void;
  reject(error: SottoError): void;
}

const MAX_WAITING = 1024;

const serverFrame = v.variant('type', [
  v.object({ type: v.literal('reply'), id: v.number(), body: v.unknown() }),
  v.object({ type: v.literal('error'), id: v.number(), ...anyError.entries }),
]);

const eventFrame = v.object({ type: v.string(), body: v.unknown() });

/** Checks what is about to be sent, so that a mistake is told at once and by its field. */
export function checked<S extends Schema>(schema: S, body: unknown): v.InferOutput<S> {
  const result = v.safeParse(schema, body);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = v.getDotPath(issue);
  throw new SottoError('bad_request', field ? `${field}: ${issue.message}` : issue.message, {
    details: field ? { field } : undefined,
  });
}

/** Requests and what became of them: those waiting for a connection, and those in flight on the present one. */
export class Requests {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #waiting: Call[] = [];
  readonly #flying = new Map<number, Call>();
  #send: ((frame: string) => void) | undefined;
  #maxInFlight = 0;
  #maxFrameBytes = MAX_FRAME_BYTES;
  #lastId = 0;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Sends as soon as there is a session; rejects with `unavailable` when no answer came in time. */
  request<Type extends RequestType>(type: Type, body: RequestInput<Type>): Promise<Reply<Type>> {
    return new Promise((resolve, reject) => {
      const call = this.#call(type, body, resolve, reject);
      if (this.#waiting.length >= MAX_WAITING)
        call.reject(new SottoError('unavailable', 'too many requests are waiting'));
      else this.#waiting.push(call);
      this.#flush();
    });
  }

  /** A connection is there, but only hello may go over it yet. */
  attach(send: (frame: string) => void): void {
    this.#send = send;
    this.#maxInFlight = 0;
  }

  /** Calls back at once with the frame that answers: events may follow in the same moment, and must find a session. */
  hello(
    body: RequestInput<'hello'>,
    greeted: (reply: Reply<'hello'>) => void,
    refused: (error: SottoError) => void,
  ): void {
    this.#write(this.#call('hello', body, greeted, refused, HELLO_REPLY_MS));
  }

  /** The session stands: everything may go. */
  release(limits: { maxInFlight: number; maxFrameBytes: number }): void {
    this.#maxInFlight = Math.min(limits.maxInFlight, MAX_IN_FLIGHT);
    this.#maxFrameBytes = limits.maxFrameBytes;
    this.#flush();
  }

  /** The connection is gone. What was in flight has an unknown outcome; what was waiting goes on waiting. */
  detach(): void {
    this.#send = undefined;
    this.#maxInFlight = 0;
    const lost = [...this.#flying.values()];
    this.#flying.clear();
    for (const call of lost) call.reject(new SottoError('unavailable', 'the connection broke before the answer came'));
  }

  /** Rejects everything; the client is being closed. */
  abandon(): void {
    this.detach();
    for (const call of this.#waiting.splice(0)) call.reject(new SottoError('unavailable', 'the client was stopped'));
  }

  /** Takes one frame of the server. Returns the event in it, if it is one that this version knows. */
  receive(text: string): ServerEvent | undefined {
    const frame: unknown = JSON.parse(text);
    const answer = v.safeParse(serverFrame, frame);
    if (!answer.success) return parseEvent(frame);
    const call = this.#flying.get(answer.output.id);
    // The answer to a request that was given up; its outcome was already told as unknown.
    if (call === undefined) return undefined;
    this.#flying.delete(answer.output.id);
    if (answer.output.type === 'error') call.reject(fromServer(answer.output));
    else {
      const reply = v.safeParse(requests[call.type].reply, answer.output.body);
      if (reply.success) call.resolve(reply.output);
      else
        call.reject(new SottoError('internal', `the answer to ${call.type} is malformed: ${reply.issues[0].message}`));
    }
    this.#flush();
    return undefined;
  }

  #call<Type extends RequestType>(
    type: Type,
    body: unknown,
    resolve: (reply: Reply<Type>) => void,
    reject: (error: SottoError) => void,
    timeoutMs = this.#timeoutMs,
  ): Call {
    const valid = checked(requests[type].body, body);
    const cancel = this.#clock.after(timeoutMs, () => {
      this.#forget(call);
      call.reject(new SottoError('unavailable', `no answer to ${type} within ${timeoutMs} ms`));
    });
    const call: Call = {
      type,
      body: valid,
      cancel,
      resolve(reply) {
        cancel();
        // The table of definitions proves it: this reply was parsed by the schema of `type`.
        resolve(reply as Reply<Type>);
      },
      reject(error) {
        cancel();
        reject(error);
      },
    };
    return call;
  }

  #flush(): void {
    while (this.#send !== undefined && this.#flying.size < this.#maxInFlight) {
      const call = this.#waiting.shift();
      if (call === undefined) return;
      this.#write(call);
    }
  }

  #write(call: Call): void {
    this.#lastId += 1;
    const frame = JSON.stringify({ id: this.#lastId, type: call.type, body: call.body });
    // Counting bytes is only needed when non-ASCII characters could make the difference.
    if (frame.length * 3 > this.#maxFrameBytes && new TextEncoder().encode(frame).length > this.#maxFrameBytes) {
      call.reject(new SottoError('too_large', `${call.type} does not fit into a frame`));
      return;
    }
    this.#flying.set(this.#lastId, call);
    this.#send?.(frame);
  }

  #forget(call: Call): void {
    const at = this.#waiting.indexOf(call);
    if (at >= 0) this.#waiting.splice(at, 1);
    for (const [id, other] of this.#flying) if (other === call) this.#flying.delete(id);
    this.#flush();
  }
}

/** An event of a type this version knows. Throws when its body is not what the contract says. */
function parseEvent(frame: unknown): ServerEvent | undefined {
  const outer = v.safeParse(eventFrame, frame);
  if (!outer.success) throw new SottoError('internal', 'the server sent something that is no frame');
  const { type, body } = outer.output;
  if (!isEventType(type)) return undefined;
  const inner = v.safeParse(events[type].body, body);
  if (!inner.success) throw new SottoError('internal', `the event ${type} is malformed: ${inner.issues[0].message}`);
  // As above: parsed by the schema that stands under this type.
  return { type, body: inner.output } as ServerEvent;
}

export function encodeNotification<Type extends NotificationType>(type: Type, body: NotificationInput<Type>): string {
  return JSON.stringify({ type, body: checked(notifications[type].body, body) });
}
