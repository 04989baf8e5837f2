import type { EventBody, EventType } from '../../protocol/index.ts';

/** The frame of an event. */
export function eventFrame<Type extends EventType>(type: Type, body: EventBody<Type>): string {
  return `{"type":"${type}","body":${JSON.stringify(body)}}`;
}

/** The frame of a reply. */
export function replyFrame(id: number, body: unknown): string {
  return `{"type":"reply","id":${id},"body":${JSON.stringify(body)}}`;
}
