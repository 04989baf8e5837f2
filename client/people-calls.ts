import type { Conversation, Reply, RequestInput, RequestType } from '../protocol/index.ts';

type Request = <Type extends RequestType>(type: Type, body: RequestInput<Type>) => Promise<Reply<Type>>;

/**
 * Whom this user talks with, who may write, and who sees that it was read. `known`: the direct conversation with the person of this
 * username, if there is one.
 */
export const peopleCalls = (request: Request, known: (username: string) => Conversation | undefined) => ({
  /** The direct conversation with the person of this username; one that is known opens without a connection. */
  async open(username: string): Promise<Conversation> {
    const found = known(username.toLowerCase());
    if (found !== undefined) return found;
    const { profile } = await request('user.find', { username });
    return (await request('conversation.open', { userId: profile.userId })).conversation;
  },
  /** Takes a stranger's conversation: from now on they see typing and what was read. An answer does so too. */
  async accept(conversationId: string): Promise<Conversation> {
    return (await request('conversation.accept', { conversationId })).conversation;
  },
  /** Nothing goes between the two any more, until `unblock`. */
  async block(userId: string): Promise<void> {
    await request('user.block', { userId });
  },
  async unblock(userId: string): Promise<void> {
    await request('user.unblock', { userId });
  },
});
