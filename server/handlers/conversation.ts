import { eventFrame } from '../delivery/frames.ts';
import type { Hub } from '../delivery/hub.ts';
import { RequestError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { ConversationStore } from '../store/store.ts';
import type { Handler, Handlers } from './handler.ts';

const PAGE = 50;

type Family = `conversation.${'open' | 'get' | 'list' | 'accept' | 'update'}`;

export function conversationHandlers(deps: {
  conversations: ConversationStore;
  hub: Hub;
  limits: Limits;
  /** A refusal once an account reads more than its share. */
  spendRead: (userId: string) => RequestError | undefined;
  /** Shows a conversation again to all of its members. */
  show: (conversationId: string) => void;
}): Pick<Handlers, Family> {
  const { conversations, hub, limits, spendRead, show } = deps;

  async function one(userId: string, conversationId: string) {
    const [conversation] = await conversations.byIds(userId, [conversationId]);
    if (conversation === undefined) throw new RequestError('not_found');
    return conversation;
  }

  function changed(userId: string, conversation: Shown): void {
    // Before its first entry a conversation is its opener's alone.
    if (conversation.lastSeq > 0) show(conversation.id);
    else showTo(hub, userId, conversation);
  }

  const open: Handler<'conversation.open'> = async ({ userId }, { connection }) => {
    if (userId === connection.userId)
      throw new RequestError('bad_request', {
        message: 'A conversation with oneself is not possible.',
        details: { field: 'userId' },
      });
    await limits.take('open', connection.userId);
    const opened = await conversations.openDirect(connection, userId);
    if (opened.state !== 'opened') throw new RequestError(opened.state);
    const conversation = await one(connection.userId, opened.conversationId);
    if (opened.created) changed(connection.userId, conversation);
    // From now on this connection is known to take part, also before the first entry.
    connection.outbox.check(conversation.id, conversation.lastSeq);
    return { conversation };
  };

  const get: Handler<'conversation.get'> = async ({ conversationId }, { connection }) => {
    const refused = spendRead(connection.userId);
    if (refused !== undefined) throw refused;
    return { conversation: await one(connection.userId, conversationId) };
  };

  const accept: Handler<'conversation.accept'> = async ({ conversationId }, { connection }) => {
    const accepted = await conversations.accept(connection, conversationId);
    const conversation = await one(connection.userId, conversationId);
    // Also to the others: accepting uncovers the marks that were set before.
    if (accepted) changed(connection.userId, conversation);
    return { conversation };
  };

  const update: Handler<'conversation.update'> = async (
    { conversationId, searchOnServer, expireAfterMs },
    { connection },
  ) => {
    await limits.take('conversation_update', connection.userId);
    const updated = await conversations.update(connection, conversationId, { searchOnServer, expireAfterMs });
    if (updated.state !== 'updated') throw new RequestError(updated.state);
    const conversation = await one(connection.userId, conversationId);
    if (updated.changed) changed(connection.userId, conversation);
    return { conversation };
  };

  const list: Handler<'conversation.list'> = async ({ cursor, limit = PAGE }, { connection }) => {
    const refused = spendRead(connection.userId);
    if (refused !== undefined) throw refused;
    const page = await conversations.page(
      connection.userId,
      cursor === undefined ? undefined : readCursor(cursor),
      limit,
    );
    const last = page.at(-1);
    if (last === undefined || page.length < limit) return { conversations: [...page] };
    return { conversations: [...page], cursor: `${Date.parse(last.lastAt)}.${last.id}` };
  };

  return {
    'conversation.open': open,
    'conversation.get': get,
    'conversation.list': list,
    'conversation.accept': accept,
    'conversation.update': update,
  };
}

type Shown = Awaited<ReturnType<ConversationStore['byIds']>>[number];

/** Shows a conversation to all devices of one user. */
export function showTo(hub: Hub, userId: string, conversation: Shown): void {
  hub.state([userId], `conversation:${conversation.id}`, eventFrame('conversation.changed', { conversation }));
}

function readCursor(cursor: string): { at: string; id: string } {
  const match = /^(\d{1,15})\.([\da-f-]{36})$/.exec(cursor);
  if (match?.[1] === undefined || match[2] === undefined)
    throw new RequestError('bad_request', { details: { field: 'cursor' } });
  return { at: new Date(Number(match[1])).toISOString(), id: match[2] };
}
