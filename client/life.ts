import * as v from 'valibot';
import { uuidBytes } from '../protocol/identity.ts';
import { seq, timestamp, uuid } from '../protocol/scalars.ts';
import { concat, toBase64url } from './e2ee/bytes.ts';
import { type ChangeContent, change, type MessageRef, messageRef } from './e2ee/content.ts';
import type { Entry } from './records.ts';

/** More than people need; a reaction beyond it takes the place of the same person's oldest one. */
const MAX_REACTIONS_EACH = 16;
/** Whoever changes a message more often leaves the oldest changes on the server until they expire. */
const MAX_EDITS = 1_000;

/** Read from the archive, so it proves no author. */
const archived = v.optional(v.boolean());
const reaction = v.object({ userId: uuid, emoji: v.string(), on: v.boolean(), seq });

/**
 * What was done to one message, whether or not that message is here yet, and where it is. What counts is the order of
 * the log, in whichever order things are read.
 */
export const life = v.object({
  /** The message's place in the present log. */
  seq: v.optional(seq),
  edit: v.optional(v.object({ seq, at: timestamp, userId: uuid, text: v.string(), archived })),
  /** Places of all changes of the text, for the day on which the message is deleted. */
  edits: v.optional(v.array(seq)),
  reactions: v.optional(v.array(reaction)),
  deleted: v.optional(v.object({ userId: uuid, deviceId: uuid, archived })),
  /** Here alone: taken away by the user, or expired. */
  gone: v.optional(v.picklist(['removed', 'expired'])),
});
export type Life = v.InferOutput<typeof life>;

const short = (id: string): string => toBase64url(uuidBytes(id));

export const lifeKey = (conversationId: string, { deviceId, clientId }: MessageRef): string =>
  `life/${short(conversationId)}/${toBase64url(concat(uuidBytes(deviceId), uuidBytes(clientId)))}`;

export const isSame = (a: MessageRef | undefined, b: MessageRef | undefined): boolean =>
  a?.deviceId === b?.deviceId && a?.clientId === b?.clientId;
export const refOf = (entry: Entry): MessageRef => ({ deviceId: entry.senderDeviceId, clientId: entry.clientId });

const changeTypes = ['edit', 'reaction', 'delete'];
export const isChange = (content: Entry['content']): boolean =>
  content !== undefined && changeTypes.includes(content.type);

/** What a change changes, also one whose text was taken away. */
export function targetOf({ content }: Entry): MessageRef | undefined {
  const read = v.safeParse(v.object({ target: messageRef }), content);
  return isChange(content) && read.success ? read.output.target : undefined;
}

export function changeOf(entry: Entry): ChangeContent | undefined {
  const read = v.safeParse(change, entry.content);
  return read.success ? read.output : undefined;
}

/** Its text may come no more: it was deleted, or taken away here. */
export const isOver = ({ deleted, gone }: Life): boolean => deleted !== undefined || gone !== undefined;

/** The life of a message after one more change, which `by` made. */
export function lived(before: Life, by: Entry, content: ChangeContent): Life {
  const { senderId: userId, seq: at, archived = false } = by;
  switch (content.type) {
    case 'edit': {
      const edits = [...new Set([...(before.edits ?? []), at])].slice(-MAX_EDITS);
      if (isOver(before) || (before.edit !== undefined && before.edit.seq > at)) return { ...before, edits };
      return { ...before, edits, edit: { seq: at, at: by.sentAt, userId, text: content.text, archived } };
    }
    case 'delete':
      return over({ ...before, deleted: { userId, deviceId: by.senderDeviceId, archived } });
    case 'reaction': {
      if (isOver(before)) return before;
      const { emoji, on } = content;
      const all = before.reactions ?? [];
      const same = all.find((each) => each.userId === userId && each.emoji === emoji);
      if (same !== undefined && same.seq > at) return before;
      const others = all.filter((each) => each !== same);
      const own = others.filter((each) => each.userId === userId).sort((a, b) => a.seq - b.seq);
      const room = own.length < MAX_REACTIONS_EACH ? others : others.filter((each) => each !== own[0]);
      return { ...before, reactions: [...room, { userId, emoji, on, seq: at }].sort((a, b) => a.seq - b.seq) };
    }
  }
}

/** Nothing is kept of what a message said. */
export function over({ edit: _edit, reactions: _reactions, ...rest }: Life): Life {
  return rest;
}

/**
 * True for who may change or delete a message: its author. Any member of an earlier time could have put into the archive
 * what is read there, in the author's name: it changes nothing that is known better.
 */
export const mayChange = (by: { userId: string; archived?: boolean | undefined }, message: Entry): boolean =>
  by.userId === message.senderId && (by.archived !== true || message.archived === true);

/** A message's life once its author is known. */
export function vouched({ edit, deleted, ...rest }: Life, message: Entry): Life {
  return {
    ...rest,
    ...(edit !== undefined && mayChange(edit, message) ? { edit } : {}),
    ...(deleted !== undefined && mayChange(deleted, message) ? { deleted } : {}),
  };
}

/** What was done at places of a log that is gone happened, for all that comes in the new one, before it. */
export function rebasedLife({ seq: at, edit, edits, reactions, ...rest }: Life, common: number): Life {
  const first = (place: number) => Math.max(1, Math.min(place, common));
  return {
    ...rest,
    ...(at === undefined || at > common ? {} : { seq: at }),
    ...(edit && { edit: { ...edit, seq: first(edit.seq) } }),
    ...(edits && { edits: edits.filter((place) => place <= common) }),
    ...(reactions && { reactions: reactions.map((each) => ({ ...each, seq: first(each.seq) })) }),
  };
}

/** A message as it is now. */
export function shown(entry: Entry, now: Life): Entry {
  const { content, failure, reactions: _, ...rest } = entry;
  if (now.gone === 'removed') return { ...rest, hidden: true };
  if (isOver(now)) return { ...rest, deleted: true };
  const reactions = reactionsOf(now);
  const all = { ...entry, ...(reactions.length > 0 ? { reactions } : {}) };
  if (reactions.length === 0) delete all.reactions;
  if (now.edit === undefined || (content !== undefined && content.type !== 'text')) return all;
  const { failure: _failure, deleted: _deleted, ...readable } = all;
  return { ...readable, content: { type: 'text', ...content, text: now.edit.text }, editedAt: now.edit.at };
}

function reactionsOf({ reactions = [] }: Life): { emoji: string; userIds: string[] }[] {
  const byEmoji = new Map<string, string[]>();
  for (const { emoji, on, userId } of reactions) if (on) byEmoji.set(emoji, [...(byEmoji.get(emoji) ?? []), userId]);
  return [...byEmoji].map(([emoji, userIds]) => ({ emoji, userIds }));
}

/** A change of a text without the text, once its target is gone. */
export function stripped({ content, ...entry }: Entry): Entry {
  return { ...entry, hidden: true, ...(content && { content: { type: content.type, target: content.target } }) };
}
