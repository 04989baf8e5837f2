import type { SearchHit } from '../../client/index.ts';
import type { ConversationView } from './conversation-view.ts';
import type { Client } from './sdk.ts';
import type { Terminal } from './terminal.ts';
import { nameOf, printable, titleOf } from './text.ts';

export const searchHelp = `  /search WORDS  find messages that have all these words; "in quotes": together`;

const SHOWN = 20;

/** Prints the newest messages that fit, the words between square brackets. The server is asked only where /search-on-server is on. */
export async function search(words: string, client: Client, view: ConversationView, terminal: Terminal): Promise<void> {
  if (words === '') return terminal.print('What for? /search WORDS');
  const { hits, cursor, remote } = await client.search({ text: words, limit: SHOWN });
  if (hits.length === 0)
    terminal.print(remote === 'included' ? 'No messages found.' : 'No messages found on this device.');
  if (remote === 'unavailable') terminal.note('  (the server could not be asked; these are from this device alone)');
  for (const { entry, snippet } of hits) {
    const conversation = client.conversation(entry.conversationId);
    const name = nameOf(conversation, entry.senderId, view.me);
    const place = name === 'you' ? `you to ${titleOf(conversation, view.me)}` : name;
    const when = new Date(entry.sentAt).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
    terminal.print(`  ${when} ${place}: ${marked(snippet)}`);
  }
  if (cursor !== undefined) terminal.note('  (there is more; add a word to narrow it)');
}

function marked({ text, matches }: SearchHit['snippet']): string {
  let shown = '';
  let at = 0;
  for (const [from, to] of matches) {
    shown += `${printable(text.slice(at, from))}[${printable(text.slice(from, to))}]`;
    at = to;
  }
  return shown + printable(text.slice(at));
}
