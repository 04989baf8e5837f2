import type { EventBody, EventType, MessageEntry } from '../../protocol/index.ts';

/**
 * The frame of an event. `message.new` and `commit.new` are written by hand below: every field of theirs has met a schema
 * that admits no character JSON would escape, and building text is several times faster than `JSON.stringify`.
 */
export function eventFrame<Type extends EventType>(type: Type, body: EventBody<Type>): string {
  return `{"type":"${type}","body":${JSON.stringify(body)}}`;
}

export function replyFrame(id: number, body: unknown): string {
  return `{"type":"reply","id":${id},"body":${JSON.stringify(body)}}`;
}

/** The body of a `message.new` as JSON; also an element of `message.history`'s answer. */
export function messageJson(entry: MessageEntry): string {
  const content = entry.content === undefined ? '' : `,"content":"${entry.content}"`;
  const wrap = entry.wrap === undefined ? '' : `,"wrap":{"v":${entry.wrap.v},"ct":"${entry.wrap.ct}"}`;
  const silent = entry.silent === true ? ',"silent":true' : '';
  return (
    `{"conversationId":"${entry.conversationId}","seq":${entry.seq},"senderId":"${entry.senderId}",` +
    `"senderDeviceId":"${entry.senderDeviceId}","clientId":"${entry.clientId}","epoch":${entry.epoch},` +
    `"mls":"${entry.mls}"${content}${wrap}${silent},"sentAt":"${entry.sentAt}"}`
  );
}

export const messageFrame = (entry: MessageEntry): string => `{"type":"message.new","body":${messageJson(entry)}}`;
