import type { ConversationView } from './conversation-view.ts';
import type { Client, Conversation, Entry } from './sdk.ts';
import type { Terminal } from './terminal.ts';

export const lifeHelp = `  /edit [#N] TEXT      word your last message, or #N, in another way
  /react [#N] EMOJI    react to the last message, or to #N; /unreact takes it back
  /delete [#N]         delete your last message, or #N, for everyone; /delete [#N] me: only here
  /expire TIME         let messages disappear after 1h, 7d, ...; off: no more
  /history on          members' new devices can read back what is said from here on; off: nobody can
  /search-on-server on the server finds messages by blind tags, for devices that do not hold them; off: no more`;

/** What the server learns, shown before anybody relies on it. */
const leakage = `Search on the server is being switched on for everybody in this conversation.
  The server will never see a word. But it will see, of what is sent from now on:
  - which messages share a word, and how often each unknown word occurs;
  - roughly how many different words a message has;
  - which of these words are searched for, when, by which device, and which messages fit.
  From how often words occur together, common ones can be guessed. Other conversations stay apart.
  /search-on-server off ends it, and the server drops what it has.`;

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** The commands about messages and how long they live; false for all others. */
export async function obeyLife(
  command: string,
  rest: string,
  client: Client,
  view: ConversationView,
  terminal: Terminal,
): Promise<boolean> {
  const open = view.open;
  const names = ['edit', 'react', 'unreact', 'delete', 'expire', 'search-on-server'];
  const isMode = command === 'history' && /^(on|off)$/.test(rest);
  if (!isMode && !names.includes(command)) return false;
  if (open === undefined) terminal.note('Nothing is open. /open NAME begins a conversation.');
  else if (isMode) await client.encryption.setSettings(open.id, { history: rest === 'on' ? 'on' : 'strict' });
  else if (command === 'expire') await expire(rest, client, open, terminal);
  else if (command === 'search-on-server') await searchOnServer(rest, client, open, terminal);
  else await change(command, rest, client, open, view, terminal);
  return true;
}

async function change(
  command: string,
  rest: string,
  client: Client,
  { id }: Conversation,
  view: ConversationView,
  terminal: Terminal,
): Promise<void> {
  const [, number, said = ''] = /^(?:#(\d+)\s*)?(.*)$/.exec(rest) ?? [];
  const isReaction = command === 'react' || command === 'unreact';
  if ((isReaction || command === 'edit') && said === '') {
    terminal.print(`What to? /${command} [#N] ${isReaction ? 'EMOJI' : 'TEXT'}`);
    return;
  }
  const seq = number === undefined ? await last(client, id, isReaction ? undefined : view.me) : Number(number);
  if (seq === undefined) terminal.print('There is no such message here; /history shows their numbers.');
  else if (isReaction) await client[command](id, seq, said);
  else if (command === 'edit') await client.edit(id, seq, said);
  else if (said === 'me') await client.deleteForMe(id, seq);
  else if (said === '') await client.deleteForEveryone(id, seq);
  else terminal.print('/delete [#N], or /delete [#N] me');
}

/** The last message that can be meant, of anybody or of one person. */
async function last(client: Client, conversationId: string, by: string | undefined): Promise<number | undefined> {
  // It has no place yet, and the one before it is not what is meant.
  if (by !== undefined && client.outgoing(conversationId).some(({ content }) => content.type === 'text'))
    throw new Error('Your last message is still on its way; once it is sent, try again.');
  const { entries } = await client.history(conversationId, { limit: 50 });
  const isMeant = ({ senderId, deleted, content, failure }: Entry) =>
    deleted !== true && (content?.type === 'text' || failure !== undefined) && (by === undefined || senderId === by);
  return entries.findLast(isMeant)?.seq;
}

async function expire(rest: string, client: Client, { id }: Conversation, terminal: Terminal): Promise<void> {
  const [, count, unit = ''] = /^(\d{1,3})\s*([mhdw])$/.exec(rest) ?? [];
  if (rest === 'off') await client.setExpiry(id, null);
  else if (Number(count) > 0) await client.setExpiry(id, Number(count) * (units[unit] ?? 0));
  else terminal.print('How long? /expire 30m, 12h, 7d or 4w; /expire off');
}

async function searchOnServer(rest: string, client: Client, { id }: Conversation, terminal: Terminal): Promise<void> {
  if (rest === 'on') terminal.print(leakage);
  if (rest === 'on' || rest === 'off') await client.setSearchOnServer(id, rest === 'on');
  else terminal.print('/search-on-server on, or off');
}

/** Says how a conversation is kept from here on, whoever said so. */
export function settingsNotes(client: Client, terminal: Terminal, view: ConversationView): void {
  client.encryption.on('settings', ({ conversationId, byUserId, history, searchOnServer, expireAfterMs }) => {
    const who = view.named(conversationId, byUserId);
    const kept = history === 'on' ? 'new devices can read back' : 'new devices read nothing back';
    const found = searchOnServer ? 'the server finds by blind tags' : 'no search on the server';
    const gone = expireAfterMs === null ? 'nothing disappears' : `messages disappear after ${timeText(expireAfterMs)}`;
    terminal.note(`  (${who}: ${kept}; ${found}; ${gone})`);
  });
}

function timeText(ms: number): string {
  const [unit = 'm', size = 1] = Object.entries(units).findLast(([, each]) => ms % each === 0) ?? [];
  return `${ms / size}${unit}`;
}
