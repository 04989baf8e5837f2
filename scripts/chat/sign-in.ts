import { hostname } from 'node:os';
import { SottoError } from '../../client/index.ts';
import type { Client } from './sdk.ts';
import type { Terminal } from './terminal.ts';
import { explain } from './text.ts';

/** Logs in or registers until somebody is logged in. False when the input ended before that. */
export async function signIn(client: Client, terminal: Terminal, username: string): Promise<boolean> {
  for (;;) {
    const answer = await terminal.ask(`Does ${username} have an account here already? (yes/no)`);
    if (answer === undefined) return false;
    if (/^y(es)?$/i.test(answer)) return logIn(client, terminal, username);
    if (/^n(o)?$/i.test(answer)) return register(client, terminal, username);
    terminal.print('Please answer yes or no.');
  }
}

async function logIn(client: Client, terminal: Terminal, username: string): Promise<boolean> {
  for (;;) {
    const password = await terminal.ask('Password:', { hidden: true });
    if (password === undefined) return false;
    try {
      await enter(client, username, password);
      return true;
    } catch (error) {
      terminal.print(explain(error));
      if (error instanceof SottoError && error.code === 'account_suspended') return false;
    }
  }
}

async function register(client: Client, terminal: Terminal, username: string): Promise<boolean> {
  for (;;) {
    const email = await terminal.ask('E-mail address:');
    const password = await terminal.ask('Choose a password (10 characters at least):', { hidden: true });
    if (email === undefined || password === undefined) return false;
    try {
      await client.http.register({ username, email, password });
      terminal.print(`A link is on its way to ${email}. (A server on its own machine prints it, too.)`);
      return await confirm(client, terminal, username, password);
    } catch (error) {
      terminal.print(explain(error));
      if (error instanceof SottoError && error.code === 'username_taken') return signIn(client, terminal, username);
    }
  }
}

/** Waits for the link to be opened, in a browser or here. */
async function confirm(client: Client, terminal: Terminal, username: string, password: string): Promise<boolean> {
  for (;;) {
    const line = await terminal.ask('Open it and confirm, then press Enter; or paste it here:');
    if (line === undefined) return false;
    try {
      const token = /[?&#]token=([^\s&]+)/.exec(line)?.[1] ?? line;
      if (token !== '') await client.http.verifyEmail(decodeURIComponent(token));
      await enter(client, username, password);
      return true;
    } catch (error) {
      const unconfirmed =
        error instanceof SottoError && ['invalid_credentials', 'email_unverified'].includes(error.code);
      terminal.print(unconfirmed ? 'That address is not confirmed yet.' : explain(error));
    }
  }
}

const enter = (client: Client, login: string, password: string) =>
  client.login({ login, password, deviceName: `Terminal on ${hostname()}`.slice(0, 64) });
