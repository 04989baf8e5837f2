import { SottoError } from '../../client/index.ts';
import { isUsername, usernameRule } from './arguments.ts';
import type { ConversationView } from './conversation-view.ts';
import { keysHelp, obeyKeys } from './keys.ts';
import { lifeHelp, obeyLife } from './message-life.ts';
import { obeyPeople, peopleHelp } from './people.ts';
import type { Client } from './sdk.ts';
import { search, searchHelp } from './search.ts';
import type { Terminal } from './terminal.ts';

export const help = `  /open NAME     open the conversation with NAME
  /list          all conversations
  /history [N]   the last N messages of the open one, with their numbers
${lifeHelp}
${searchHelp}
  /retry         send what could not be sent again
  /discard       forget what could not be sent
${peopleHelp}
${keysHelp}
  /logout        log out and leave
  /quit          leave; messages still to be sent are kept
  Anything else is sent. A line that begins with // is sent with one slash.`;

/** `leave`: the program ends. */
export type Outcome = 'stay' | 'leave';

/** Does what one line says. */
export async function obey(line: string, client: Client, view: ConversationView, terminal: Terminal): Promise<Outcome> {
  if (line.trim() === '') return 'stay';
  if (!line.startsWith('/') || line.startsWith('//')) {
    await say(line.startsWith('//') ? line.slice(1) : line, client, view, terminal);
    return 'stay';
  }
  const words = line.slice(1).trim();
  const [command = '', argument = ''] = words.split(/\s+/);
  const rest = words.slice(command.length).trim();
  if (await obeyLife(command, rest, client, view, terminal)) return 'stay';
  switch (command) {
    case 'open': {
      const name = argument.replace(/^@/, '');
      if (!isUsername(name)) terminal.print(`A username is ${usernameRule}: /open NAME`);
      else await openWith(name, client, view, terminal);
      return 'stay';
    }
    case 'list':
      view.list();
      return 'stay';
    case 'history':
      await view.history(Math.min(200, Math.max(1, Number.parseInt(argument, 10) || 50)));
      return 'stay';
    case 'search':
      await search(rest, client, view, terminal);
      return 'stay';
    case 'retry':
    case 'discard':
      await settleFailed(command, client, view, terminal);
      return 'stay';
    case 'help':
      terminal.print(help);
      return 'stay';
    case 'logout':
      await client.logout();
      terminal.print('Logged out.');
      return 'leave';
    case 'quit':
      return 'leave';
    default:
      if (await obeyKeys(command, argument, client, view, terminal)) return 'stay';
      if (await obeyPeople(command, rest, client, view, terminal)) return 'stay';
      terminal.print(`There is no /${command}. /help shows what there is.`);
      return 'stay';
  }
}

async function openWith(name: string, client: Client, view: ConversationView, terminal: Terminal): Promise<void> {
  try {
    await view.show(await client.open(name));
  } catch (error) {
    if (!(error instanceof SottoError) || error.code !== 'not_found') throw error;
    terminal.print(`There is nobody called ${name} here.`);
  }
}

async function say(text: string, client: Client, view: ConversationView, terminal: Terminal): Promise<void> {
  if (view.open === undefined) {
    terminal.note('Nothing is open. /open NAME begins a conversation.');
    return;
  }
  terminal.eraseEntered();
  client.typing(view.open.id, false);
  view.sending(await client.send(view.open.id, { type: 'text', text }), text);
  if (client.state.is !== 'ready') terminal.note(`  … ${text}   (goes out when the connection is back)`);
}

async function settleFailed(
  what: 'retry' | 'discard',
  client: Client,
  view: ConversationView,
  terminal: Terminal,
): Promise<void> {
  const failed =
    view.open === undefined ? [] : client.outgoing(view.open.id).filter((message) => message.failed !== undefined);
  if (failed.length === 0) terminal.note('Nothing has failed here.');
  for (const { clientId } of failed) await client[what](clientId);
}
