import { join } from 'node:path';
import { createEncryptedClient } from '../client/index.ts';
import { openFileStore } from '../client/node/file-store.ts';
import { openNodeSocket } from '../client/node/socket.ts';
import { isUsername, readArguments, usage, usernameRule } from './chat/arguments.ts';
import { obey } from './chat/commands.ts';
import { connectionNotes, refusalText, sessionEnded } from './chat/connection-notes.ts';
import { ConversationView } from './chat/conversation-view.ts';
import { keyNotes } from './chat/keys.ts';
import { settingsNotes } from './chat/message-life.ts';
import type { Client } from './chat/sdk.ts';
import { signIn } from './chat/sign-in.ts';
import { Terminal } from './chat/terminal.ts';
import { explain } from './chat/text.ts';

const FLUSH_MS = 10_000;

async function main(): Promise<number> {
  const { server, user, folder, help } = readArguments(process.argv.slice(2));
  if (help) {
    process.stdout.write(usage);
    return 0;
  }
  const terminal = new Terminal(process.stdin, process.stdout);
  try {
    const username = user ?? (await askUsername(terminal));
    if (username === undefined) return 0;
    const store = await openFileStore(join(folder, new URL(server).host.replaceAll(':', '_'), username));
    const client = createEncryptedClient({ url: server, store, openSocket: openNodeSocket, program: 'sotto chat' });
    try {
      if ((await client.whoAmI()) === undefined && !(await signIn(client, terminal, username))) return 0;
      return await talk(client, terminal);
    } finally {
      await client.close();
    }
  } finally {
    terminal.close();
  }
}

async function askUsername(terminal: Terminal): Promise<string | undefined> {
  for (;;) {
    const name = await terminal.ask('Your username:');
    if (name === undefined || isUsername(name)) return name?.toLowerCase();
    terminal.print(`A username is ${usernameRule}.`);
  }
}

async function talk(client: Client, terminal: Terminal): Promise<number> {
  const me = await client.whoAmI();
  const view = new ConversationView(client, terminal, me?.userId ?? '');
  /** The exit code, once what the server refused for good has been forgotten here too. */
  let refused: Promise<number> | undefined;
  const end = new AbortController();

  client.receive((entry) => view.arrived(entry));
  client.on('message', (message) => view.changed(message));
  client.on('changed', (entry) => view.altered(entry));
  client.on('typing.changed', ({ conversationId, typing }) =>
    view.typing(
      conversationId,
      typing.map(({ userId }) => userId),
    ),
  );
  client.on('problem', (problem) => terminal.note(`  (${problem.message})`));
  client.on('connection', connectionNotes(terminal));
  keyNotes(client, terminal, view);
  settingsNotes(client, terminal, view);
  client.on('connection', (state) => {
    if (state.is !== 'refused') return;
    terminal.print(refusalText(state.refusal));
    const forgotten = sessionEnded(state.refusal.code) ? client.forgetSession() : Promise.resolve();
    refused = forgotten.then(() => 1).finally(() => end.abort());
  });
  terminal.onKey((text) => {
    if (view.open !== undefined && !text.startsWith('/')) client.typing(view.open.id, text !== '');
  });

  await client.start();
  const ended = new Promise<undefined>((resolve) => end.signal.addEventListener('abort', () => resolve(undefined)));
  if (terminal.interactive) terminal.note('/help shows what can be done here.');
  await Promise.race([client.ready().catch(() => undefined), ended]);
  for (;;) {
    if (refused !== undefined) return refused;
    const line = await Promise.race([terminal.line(view.prompt), ended]);
    if (refused !== undefined) return refused;
    if (line === undefined) break;
    try {
      if ((await obey(line, client, view, terminal)) === 'leave') break;
    } catch (error) {
      terminal.print(explain(error));
    }
  }
  await sendTheRest(client, terminal, end.signal);
  return refused ?? 0;
}

/** What was written just before leaving goes out, if that is possible soon; else it is kept for the next time. */
async function sendTheRest(client: Client, terminal: Terminal, ended: AbortSignal): Promise<void> {
  const left = () =>
    client.conversations().flatMap(({ id }) => client.outgoing(id).filter(({ failed }) => failed === undefined));
  if (left().length === 0) return;
  await new Promise<void>((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      off();
      resolve();
    };
    const timer = setTimeout(finish, FLUSH_MS);
    const off = client.on('message', () => {
      if (left().length === 0) finish();
    });
    ended.addEventListener('abort', finish);
  });
  if (left().length > 0) terminal.print(`${left().length} not sent yet; it goes out the next time you are here.`);
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${explain(error)}\n`);
    process.exitCode = 1;
  },
);
