import type { Conversation, Reply, RequestInput, RequestType } from '../protocol/index.ts';

type Request = <Type extends RequestType>(type: Type, body: RequestInput<Type>) => Promise<Reply<Type>>;

/** Who may write to this user, and who sees that it was read. */
export const peopleCalls = (request: Request) => ({
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
