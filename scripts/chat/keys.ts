import type { ConversationView } from './conversation-view.ts';
import type { Client, IdentityChange } from './sdk.ts';
import type { Terminal } from './terminal.ts';
import { nameOf } from './text.ts';

export const keysHelp = `  /verify [yes]  the safety number to compare with the other person; yes: it was the same
  /accept [yes]  the safety number of a person who has a new identity; yes: go on with that one
  /devices       this account's devices
  /link [TEXT]   on a new device: show its offer; on the first device: take that offer
  /confirm       on a new device: the six digits were the same on both
  /revoke NAME   end one of this account's devices for good
  /recovery [new]  the recovery key, to be written down; new: another one
  /recover KEY   on a new device, when all others are lost: take the account back
  /startover     begin a new group where a conversation has become unsafe`;

/** Says what happens to keys, as long as somebody has to know. */
export function keyNotes(client: Client, terminal: Terminal, view: ConversationView): void {
  const { encryption } = client;
  const called = (userId: string) => {
    const conversation = client.conversations().find(({ members }) => members.some((each) => each.userId === userId));
    return nameOf(conversation, userId, view.me);
  };
  encryption.on('status', (status) => {
    if (status === 'unlinked')
      terminal.print(
        'This device has no keys of your account yet. Type /link here, then /link TEXT on your first device; or, if all others are lost, /recover KEY.',
      );
  });
  encryption.on('identity', (change) => terminal.print(identityText(change, called(change.userId))));
  encryption.on('unsafe', ({ reason }) =>
    terminal.print(`A conversation is not safe any more (${reason}). Nothing is sent in it; /startover begins anew.`),
  );
  encryption.on('recovery', ({ is }) => terminal.print(recoveryText[is]));
  encryption.on('device', ({ userId, is }) => terminal.note(`  (${called(userId)}: a device was ${is})`));
  encryption.on('link', ({ code }) =>
    terminal.print(`The other device must show ${code} too. If it does: /confirm. If not, somebody is in between.`),
  );
}

const replacedText =
  'A revoked device had your account key, so your account has a new one: your contacts have to accept it, and your other devices have to be linked again.';

const recoveryText = {
  replaced:
    'Your account has a new key, and a new recovery key: /recovery shows it. The old one opens nothing any more.',
  rolled_back: 'The server had lost what your recovery key opens. It was given it again.',
  elsewhere: 'Another of your devices has made another recovery key. The one shown here opens nothing any more.',
};

function identityText({ is, verified }: IdentityChange, name: string): string {
  switch (is) {
    case 'rotated':
      return `${name} has a new key, which the old one vouches for.`;
    case 'reset':
      return `${name} has a NEW IDENTITY${verified ? ', although you had verified the old one' : ''}. Ask in another way whether that is so, then /accept.`;
    case 'rewritten':
      return `The server contradicts what it said about the keys of ${name}. Nothing is sent to them.`;
  }
}

interface Person {
  readonly userId: string;
  readonly username: string;
}

/** The commands about keys; false for all others. */
export async function obeyKeys(
  command: string,
  argument: string,
  client: Client,
  view: ConversationView,
  terminal: Terminal,
): Promise<boolean> {
  const identities = client.encryption.identities();
  const linking = client.encryption.linking();
  switch (command) {
    case 'verify':
    case 'accept':
    case 'startover': {
      const other = view.open?.members.find(({ userId }) => userId !== view.me);
      if (view.open === undefined || other === undefined)
        terminal.note('Nothing is open. /open NAME begins a conversation.');
      else if (command === 'accept') await accept(argument, other, client, terminal);
      else if (command === 'startover') {
        await client.encryption.startOver(view.open.id);
        terminal.print(
          `A new group with new keys begins for you and ${other.username}. What was written stays; you can go on writing.`,
        );
      } else await verify(argument, other, client, terminal, view.open.id);
      return true;
    }
    case 'devices': {
      const [{ devices }, { devices: keyed }] = await Promise.all([
        client.request('device.list', {}),
        identities.of(view.me),
      ]);
      for (const { deviceId, name, current } of devices) {
        const state = keyed.includes(deviceId) ? '' : '  not linked';
        terminal.print(`  ${name}${current ? '  (this one)' : ''}${state}  ${deviceId}`);
      }
      return true;
    }
    case 'link':
      if (argument === '') {
        const { text } = await linking.offer();
        terminal.print(`On your first device, within 5 minutes: /link ${text}`);
      } else {
        const { code } = await linking.accept(argument);
        terminal.print(`The new device must show ${code}.`);
      }
      return true;
    case 'confirm':
      await linking.confirm();
      terminal.print('This device is linked.');
      return true;
    case 'revoke': {
      const { devices } = await client.request('device.list', {});
      const found = devices.filter(({ deviceId, name }) => deviceId === argument || name === argument);
      const [device] = found;
      if (device === undefined || found.length > 1) terminal.print('Name one device by its id: /devices lists them.');
      else if ((await identities.revoke(device.deviceId)).newIdentity) terminal.print(replacedText);
      return true;
    }
    case 'recovery':
      terminal.print('Write this down, and keep it where nobody else finds it. It opens your account:');
      terminal.print(`  ${await (argument === 'new' ? identities.newRecoveryKey() : identities.recoveryKey())}`);
      return true;
    case 'recover': {
      const { account, newIdentity, conversations, gone, others, sealedAt } = await identities.recover(argument);
      if (newIdentity) terminal.print(replacedText);
      if (!account) terminal.print('Your account has begun a new identity since: only keys of the past came back.');
      terminal.print(`As of ${sealedAt.toISOString()}: ${conversations.length} conversations can be read again.`);
      if (gone.length > 0) terminal.print(`What was written before in ${gone.length} others is gone for this device.`);
      if (others.length > 0) terminal.print('/devices lists your other devices; /revoke those that were lost.');
      return true;
    }
    default:
      return false;
  }
}

/** The safety numbers that are on the screen: these are what somebody says yes to. */
const shown = new Map<string, string>();

async function accept(argument: string, other: Person, client: Client, terminal: Terminal): Promise<void> {
  const identities = client.encryption.identities();
  const number = shown.get(other.userId);
  if (!(await identities.of(other.userId)).pending)
    terminal.print(`${other.username} has no new identity: there is nothing to accept.`);
  else if (argument === 'yes' && number !== undefined) {
    await identities.accept(other.userId, number);
    terminal.print(`${other.username}'s new identity is accepted. /verify once you have compared the safety number.`);
  } else {
    await showNumber(other, client, terminal, 'the new identity of ');
    terminal.note('  /accept yes goes on with it.');
  }
}

async function verify(
  argument: string,
  other: Person,
  client: Client,
  terminal: Terminal,
  conversationId: string,
): Promise<void> {
  const identities = client.encryption.identities();
  const number = shown.get(other.userId);
  if (argument === 'yes' && number !== undefined) {
    await identities.setVerified(other.userId, number);
    terminal.print(`${other.username} is verified.`);
    return;
  }
  const { verified } = await identities.of(other.userId);
  const { devices, code } = await client.encryption.group(conversationId);
  await showNumber(other, client, terminal, '', verified);
  if (devices.length > 0) terminal.note(`  ${devices.length} devices are in this conversation; group code ${code}`);
  if (!verified) terminal.note('  /verify yes once you have compared it.');
}

async function showNumber(other: Person, client: Client, terminal: Terminal, what: string, verified = false) {
  const number = await client.encryption.identities().safetyNumber(other.userId);
  shown.set(other.userId, number);
  terminal.print(
    `Safety number with ${what}${other.username}${verified ? ' (verified)' : ''}, the same on both sides:`,
  );
  terminal.print(`  ${number}`);
}
