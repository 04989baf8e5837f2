import type { Client, Conversation, Entry, OwnMessage } from './sdk.ts';
import type { Terminal } from './terminal.ts';
import { bodyOf, clockTime, nameOf, reactionsOf, signOf, titleOf } from './text.ts';

const SHOWN_AT_ONCE = 20;
const changes = ['edit', 'reaction', 'delete'];

/** What is on the screen: one open conversation, and a word about the others. */
export class ConversationView {
  readonly #client: Client;
  readonly #terminal: Terminal;
  readonly #me: string;
  /** The texts of own messages, to say which one got where. */
  readonly #texts = new Map<string, string>();
  #open: Conversation | undefined;
  #writing = '';

  constructor(client: Client, terminal: Terminal, me: string) {
    this.#client = client;
    this.#terminal = terminal;
    this.#me = me;
  }

  /** The user who sits here. */
  get me(): string {
    return this.#me;
  }

  get open(): Conversation | undefined {
    return this.#open;
  }

  get prompt(): string {
    return this.#open === undefined ? '> ' : `${titleOf(this.#open, this.#me)}> `;
  }

  async show(conversation: Conversation): Promise<void> {
    this.#open = conversation;
    this.#writing = '';
    this.#terminal.print(`— ${titleOf(conversation, this.#me)} —`);
    if (!conversation.accepted) await this.#client.request('conversation.accept', { conversationId: conversation.id });
    await this.history(SHOWN_AT_ONCE);
  }

  async history(limit: number): Promise<void> {
    const conversation = this.#open;
    if (conversation === undefined) return this.#terminal.note('Nothing is open. /open NAME begins a conversation.');
    const { entries, more } = await this.#client.history(conversation.id, { limit });
    if (more) this.#terminal.note(`  (there is more: /history ${limit * 2})`);
    for (const entry of entries) this.#terminal.print(`#${entry.seq} ${this.#line(entry)}`);
    for (const { clientId, content, failed } of this.#client.outgoing(conversation.id)) {
      this.#terminal.print(`  ${failed === undefined ? '…' : '✗'} you: ${bodyOf({ content })}`);
      this.sending(clientId, bodyOf({ content }));
    }
    if (entries.length === 0) this.#terminal.note('  Nothing has been said here yet.');
    const last = entries.at(-1);
    if (last !== undefined) this.#client.read(conversation.id, last.seq);
  }

  sending(clientId: string, text: string): void {
    this.#texts.set(clientId, text.length > 40 ? `${text.slice(0, 39)}…` : text);
  }

  /** The handler for every entry: the SDK calls it once for each, in order. */
  async arrived(entry: Entry): Promise<void> {
    // What it changed is told by `altered`.
    if (changes.includes(entry.content?.type ?? '')) return;
    if (entry.conversationId === this.#open?.id) {
      this.#terminal.print(this.#line(entry));
      this.#client.read(entry.conversationId, entry.seq);
      return;
    }
    if (entry.senderId === this.#me) return;
    const conversation = await this.#find(entry.conversationId);
    const name = nameOf(conversation, entry.senderId, this.#me);
    this.#terminal.print(`[${name}] ${clockTime(entry.sentAt)} ${bodyOf(entry)}   (/open ${name} to answer)`);
  }

  /** A message was edited, reacted to, deleted, or has disappeared. */
  altered(entry: Entry): void {
    if (entry.conversationId !== this.#open?.id) return;
    if (entry.hidden) this.#terminal.note(`  (#${entry.seq} is gone from this device)`);
    else this.#terminal.print(`  ↻ #${entry.seq} ${this.#line(entry)}`);
  }

  /** What somebody in a conversation is called. */
  named(conversationId: string, userId: string): string {
    return nameOf(this.#client.conversation(conversationId), userId, this.#me);
  }

  /** Marks of one's own messages: delivered, read, failed. */
  changed({ conversationId, clientId, state }: OwnMessage): void {
    const text = this.#texts.get(clientId);
    if (text === undefined || state.is === 'pending' || state.is === 'stored') return;
    if (state.is === 'failed') {
      this.#terminal.print(`  ✗ not sent: ${text} (${state.reason.message}) — /retry or /discard`);
      return;
    }
    if (state.is === 'read') this.#texts.delete(clientId);
    if (conversationId === this.#open?.id) this.#terminal.note(`  ${signOf(state)} ${state.is}: ${text}`);
  }

  typing(conversationId: string, userIds: readonly string[]): void {
    if (conversationId !== this.#open?.id) return;
    const writing = userIds.map((id) => nameOf(this.#open, id, this.#me)).join(', ');
    if (writing === this.#writing) return;
    this.#writing = writing;
    if (writing !== '') this.#terminal.note(`  ${writing} is writing …`);
  }

  list(): void {
    const all = this.#client.conversations();
    if (all.length === 0) this.#terminal.note('No conversations yet. /open NAME begins one.');
    for (const conversation of all) {
      const unread = conversation.unread > 0 ? `  ${conversation.unread} unread` : '';
      const request = conversation.accepted ? '' : '  wants to talk to you';
      this.#terminal.print(
        `  ${titleOf(conversation, this.#me)}  ${clockTime(conversation.lastAt)}${unread}${request}`,
      );
    }
  }

  #line(entry: Entry): string {
    const sign = entry.senderId === this.#me ? ` ${signOf(this.#client.stateOf(entry))}` : '';
    const name = (userId: string) => nameOf(this.#open, userId, this.#me);
    const reactions = reactionsOf(entry, name);
    return `${clockTime(entry.sentAt)} ${name(entry.senderId)}: ${bodyOf(entry)}${sign}${reactions}`.trimEnd();
  }

  async #find(conversationId: string): Promise<Conversation | undefined> {
    const known = this.#client.conversation(conversationId);
    if (known !== undefined) return known;
    return (await this.#client.request('conversation.get', { conversationId })).conversation;
  }
}
