/**
 * What one PUBLISH carries: a line that says who sent it, then for each message a line of a few words (the header) and,
 * right after it, as many characters of finished frame as the header says. Frames are cut out, never parsed.
 *
 *     sotto1 <kind> <from> <at> <count>        d <conversationId> <seq> <size, or - for a wake-up>
 *     s <size> <key>      e <size> <key>       c <JSON>
 */
import * as v from 'valibot';
import type { BusMessage } from './bus.ts';

/** Messages for a user, or "look into the log, all of you". */
export type PayloadKind = 'messages' | 'doubt';

export interface Payload {
  /** The instance that published; it ignores what is its own. */
  readonly from: string;
  /** When, in milliseconds since 1970 by that instance's clock; of a doubt, since when there is reason for it. */
  readonly at: number;
  readonly kind: PayloadKind;
  readonly messages: readonly BusMessage[];
}

const id = v.pipe(v.string(), v.minLength(1), v.maxLength(64));
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const control = v.variant('kind', [
  v.object({ kind: v.literal('ended'), sessionIds: v.array(id), code: whole, reason: v.string() }),
  v.object({ kind: v.literal('displaced'), deviceId: id, connectionNo: whole }),
  v.object({ kind: v.literal('wake'), deviceIds: v.array(id) }),
]);

// Of every message from another instance these run once, so they are patterns rather than schemas: a tenth of the time.
const FIRST = /sotto1 (messages|doubt) ([\w-]{1,64}) (\d{1,15}(?:\.\d{1,20})?) (\d{1,9})\n/y;
const HEADER = /(?:d ([\w-]{1,64}) (\d{1,15}) (\d{1,9}|-)|([se]) (\d{1,9}) (.{1,256})|c (\{.*\}))\n/y;

/** A message as it stands in a payload. Encoded once, however many users it goes to. */
export function encodeMessage(message: BusMessage): string {
  switch (message.class) {
    case 'durable': {
      const { conversationId, seq, frame } = message;
      return frame === undefined
        ? `d ${conversationId} ${seq} -\n`
        : `d ${conversationId} ${seq} ${frame.length}\n${frame}`;
    }
    case 'state':
      return `s ${message.frame.length} ${message.key}\n${message.frame}`;
    case 'ephemeral':
      return `e ${message.frame.length} ${message.key}\n${message.frame}`;
    case 'control':
      return `c ${JSON.stringify(message.control)}\n`;
  }
}

/** A whole payload of encoded messages. */
export function encodePayload(from: string, kind: PayloadKind, at: number, messages: readonly string[]): string {
  return `sotto1 ${kind} ${from} ${at} ${messages.length}\n${messages.join('')}`;
}

/** Whether an instance published this itself. Half of what an instance hears is its own, so this looks no further. */
export function isFrom(from: string, text: string): boolean {
  const at = text.indexOf(' ', 'sotto1 '.length) + 1;
  return text.startsWith(from, at) && text[at + from.length] === ' ';
}

/** The payload, or undefined if it isn't one: another program may publish on these channels. */
export function decodePayload(text: string): Payload | undefined {
  FIRST.lastIndex = 0;
  const [first, kind, from = '', at, count] = FIRST.exec(text) ?? [];
  if (first === undefined) return undefined;
  const messages: BusMessage[] = [];
  let position = first.length;
  for (let i = Number(count); i > 0; i--) {
    HEADER.lastIndex = position;
    const header = HEADER.exec(text);
    if (header === null) return undefined;
    const [line, , , entrySize, , size] = header;
    const start = position + line.length;
    position = start + Number(entrySize === '-' ? 0 : (entrySize ?? size ?? 0));
    if (position > text.length) return undefined;
    const message = messageOf(header, text.slice(start, position));
    if (message === undefined) return undefined;
    messages.push(message);
  }
  if (position !== text.length) return undefined;
  return { from, at: Number(at), kind: kind === 'doubt' ? 'doubt' : 'messages', messages };
}

function messageOf(header: RegExpExecArray, frame: string): BusMessage | undefined {
  const [, conversationId, seq, entrySize, letter, , key = '', json] = header;
  if (conversationId !== undefined) {
    return { class: 'durable', conversationId, seq: Number(seq), frame: entrySize === '-' ? undefined : frame };
  }
  if (letter !== undefined) return { class: letter === 's' ? 'state' : 'ephemeral', key, frame };
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), control), json);
  return parsed.success ? { class: 'control', control: parsed.output } : undefined;
}
