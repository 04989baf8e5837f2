import { SottoError } from '../../client/index.ts';
import type { Conversation, Entry, MessageState } from './sdk.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text of others as it may go to a terminal: what could move the cursor or turn the line is made visible. */
export const printable = (text: string): string => text.replace(/\r\n?|\n/g, ' / ').replace(CONTROL, '\ufffd');

export const clockTime = (iso: string): string =>
  new Date(iso).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });

/** What a conversation is called: the names of the others. */
export function titleOf(conversation: Conversation | undefined, me: string): string {
  const others = conversation?.members.filter(({ userId }) => userId !== me).map(({ username }) => username) ?? [];
  return others.length === 0 ? 'unknown' : others.join(', ');
}

export function nameOf(conversation: Conversation | undefined, userId: string, me: string): string {
  if (userId === me) return 'you';
  return conversation?.members.find((member) => member.userId === userId)?.username ?? 'somebody';
}

export function bodyOf(entry: Pick<Entry, 'content' | 'failure' | 'deleted' | 'editedAt'>): string {
  if (entry.deleted === true && entry.content === undefined) return '(deleted)';
  const text = entry.content?.text;
  if (typeof text === 'string') return `${printable(text)}${entry.editedAt === undefined ? '' : ' (edited)'}`;
  if (entry.failure !== undefined) return `(could not be read: ${entry.failure.message})`;
  return `(${printable(entry.content?.type ?? 'nothing')})`;
}

/** Who reacted with what, as a sign after a message. */
export const reactionsOf = ({ reactions = [] }: Entry, name: (userId: string) => string): string =>
  reactions.map(({ emoji, userIds }) => `  ${printable(emoji)} ${userIds.map(name).join(', ')}`).join('');

/** How far a message of one's own has got, as a sign after it. */
export const signOf = (state: MessageState): string =>
  ({ pending: '…', stored: '', delivered: '✓', read: '✓✓', failed: '✗' })[state.is];

/** A failure in words for whoever sits at the terminal. */
export function explain(error: unknown): string {
  if (!(error instanceof SottoError)) return error instanceof Error ? error.message : String(error);
  switch (error.code) {
    case 'rate_limited':
      return `Too many tries; wait ${Math.ceil((error.retryAfterMs ?? 1000) / 1000)} s.`;
    case 'unavailable':
      return `The server can't be reached (${error.message}).`;
    default:
      return error.message;
  }
}
