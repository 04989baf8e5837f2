import { createHash } from 'node:crypto';
import type { HelloState, Identity } from '../store.ts';

export interface Entry {
  readonly seq: number;
  readonly senderDeviceId: string;
  readonly clientId: string;
  readonly mls: string;
  readonly deleted: boolean;
  readonly digest: string;
  readonly sentAt: number;
  /** Entries up to and including this one that count as unread. */
  readonly notifying: number;
  /** Of `mls` and `content`. */
  readonly bytes: number;
  readonly json: string;
}

export interface Participant {
  readonly joinedSeq: number;
  deliveredSeq: number;
  readSeq: number;
  acceptedAt: number | undefined;
  markedAt: number;
}

export interface ModelConversation {
  readonly id: string;
  readonly kind: 'direct' | 'group';
  epoch: number;
  lastAt: number;
  changedAt: number;
  removalRequired: boolean;
  searchOnServer: boolean;
  expireAfterMs: number | null;
  readonly members: Map<string, Participant>;
  readonly log: Entry[];
  readonly cursors: Map<string, number>;
}

interface Device {
  readonly userId: string;
  connectionNo: number;
  lastSeenAt: number | undefined;
}

export interface ModelSession extends Identity {
  ended: HelloState | undefined;
}

/** What the model of the database holds, and what all subjects ask of it. */
export type ModelState = ReturnType<typeof createModelState>;

export function createModelState(options: { now(): number; newId(): string }) {
  const { now, newId } = options;
  /** Names by id. */
  const users = new Map<string, string>();
  const devices = new Map<string, Device>();
  const sessions = new Map<string, ModelSession>();
  const blocks = new Set<string>();
  const conversations = new Map<string, ModelConversation>();

  const blocked = (a: string, b: string): boolean => blocks.has(`${a} ${b}`);
  const apart = (a: string, b: string): boolean => blocked(a, b) || blocked(b, a);

  function audienceOf(conversationId: string, userId: string): string[] {
    const members = conversations.get(conversationId)?.members;
    if (members?.get(userId)?.acceptedAt === undefined) return [];
    return [...members]
      .filter(([id, { acceptedAt }]) => id !== userId && acceptedAt !== undefined && !apart(id, userId))
      .map(([id]) => id);
  }

  function add(id: string, kind: 'direct' | 'group', userIds: readonly string[], accepted: readonly string[]): void {
    const member = (userId: string): [string, Participant] => [
      userId,
      {
        joinedSeq: 0,
        deliveredSeq: 0,
        readSeq: 0,
        acceptedAt: accepted.includes(userId) ? now() : undefined,
        markedAt: now(),
      },
    ];
    const members = new Map(userIds.map(member));
    conversations.set(id, {
      id,
      kind,
      epoch: 0,
      lastAt: now(),
      changedAt: now(),
      removalRequired: false,
      searchOnServer: false,
      expireAfterMs: null,
      members,
      log: [],
      cursors: new Map(),
    });
  }

  return {
    now,
    newId,
    users,
    devices,
    sessions,
    blocks,
    conversations,
    blocked,
    apart,
    audienceOf,
    add,
    live(sessionId: string): ModelSession | undefined {
      const session = sessions.get(sessionId);
      return session?.ended === undefined ? session : undefined;
    },
    /** A user's conversations, newest activity first. */
    of: (userId: string): ModelConversation[] =>
      [...conversations.values()].filter(({ members }) => members.has(userId)).sort(newestFirst),
  };
}

export function unreadOf({ log }: ModelConversation, me: Participant | undefined): number {
  const read = log[Math.max(me?.readSeq ?? 0, me?.joinedSeq ?? 0) - 1]?.notifying ?? 0;
  return Math.max((log.at(-1)?.notifying ?? 0) - read, 0);
}

export function page(entries: readonly Entry[], limit: number, maxBytes: number): Entry[] {
  let bytes = 0;
  return entries.slice(0, limit).filter((entry) => {
    const before = bytes;
    bytes += entry.bytes;
    return before < maxBytes;
  });
}

export function newestFirst(a: { lastAt: number; id: string }, b: { lastAt: number; id: string }): number {
  if (a.lastAt !== b.lastAt) return b.lastAt - a.lastAt;
  return a.id === b.id ? 0 : a.id < b.id ? 1 : -1;
}

/** As `direct_conversation_id` in the database. */
export function directId(a: string, b: string): string {
  const hash = createHash('sha256');
  for (const id of [a, b].sort()) hash.update(Buffer.from(id.replaceAll('-', ''), 'hex'));
  const hex = hash.digest('hex').slice(0, 32);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

export const iso = (ms: number): string => new Date(ms).toISOString();
