import { SottoError } from '../../client/index.ts';
import type { ConversationView } from './conversation-view.ts';
import type { Client, Profile } from './sdk.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';

export const peopleHelp = `  /block [NAME]  hear no more from NAME, or from the other person in the open conversation
  /unblock [NAME]
  /profile [NAME]         your own profile, or what NAME shows of theirs
  /profile name TEXT      the name that others see
  /profile about TEXT     a line about you; - for none`;

/** The commands about people; false for all others. `rest` is everything after the command. */
export async function obeyPeople(
  command: string,
  rest: string,
  client: Client,
  view: ConversationView,
  terminal: Terminal,
): Promise<boolean> {
  switch (command) {
    case 'block':
    case 'unblock': {
      const other = rest === '' ? theOther(view) : await find(rest, client);
      if (other === undefined) terminal.print(`Name somebody: /${command} NAME`);
      else {
        await client.request(`user.${command}`, { userId: other.userId });
        terminal.print(
          command === 'block'
            ? `${other.username} is blocked: nothing more comes.`
            : `${other.username} may write again.`,
        );
      }
      return true;
    }
    case 'profile': {
      const [, field, text] = /^(name|about)\s+(.+)$/.exec(rest) ?? [];
      if (text !== undefined) await change(field === 'name' ? { displayName: text } : { about: noneOr(text) }, client);
      show(rest === '' || text !== undefined ? await own(client) : await find(rest, client), terminal);
      return true;
    }
    default:
      return false;
  }
}

const noneOr = (text: string): string => (text === '-' ? '' : text);

const own = async (client: Client): Promise<Profile> => (await client.request('profile.get', {})).profile;

async function change(what: { displayName: string } | { about: string }, client: Client): Promise<void> {
  await client.request('profile.update', what);
}

async function find(name: string, client: Client): Promise<Profile> {
  const username = name.replace(/^@/, '').toLowerCase();
  try {
    return (await client.request('user.find', { username })).profile;
  } catch (error) {
    if (!(error instanceof SottoError) || !['not_found', 'bad_request'].includes(error.code)) throw error;
    throw new SottoError(error.code, `There is nobody called ${name} here.`);
  }
}

function theOther(view: ConversationView): { userId: string; username: string } | undefined {
  return view.open?.members.find(({ userId }) => userId !== view.me);
}

function show({ username, displayName, about, avatar }: Profile, terminal: Terminal): void {
  terminal.print(`  ${username}: ${printable(displayName)}`);
  if (about !== undefined) terminal.print(`  ${printable(about)}`);
  if (avatar !== undefined) terminal.note(`  (a picture, ${avatar.type})`);
}
