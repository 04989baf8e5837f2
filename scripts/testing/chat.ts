import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PASSWORD, type RunningServer } from './running-server.ts';

/** A chat with its keyboard and its screen. */
export class Chat {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  #screen = '';
  #read = 0;

  constructor(t: TestContext, args: readonly string[]) {
    const program = fileURLToPath(new URL('../chat.js', import.meta.url));
    this.child = spawn(process.execPath, ['--enable-source-maps', program, ...args], { stdio: 'pipe' });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        this.#screen += text;
      });
    }
    t.after(() => this.child.kill('SIGKILL'));
  }

  type(...lines: string[]): void {
    for (const line of lines) this.child.stdin.write(`${line}\n`);
  }

  /** Waits for text after what was waited for before. */
  see(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => finish(() => reject(new Error(`"${text}" did not appear:\n${this.#screen}`))),
        60_000,
      );
      const look = () => {
        const at = this.#screen.indexOf(text, this.#read);
        if (at < 0) return;
        this.#read = at + text.length;
        finish(resolve);
      };
      const finish = (settle: () => void) => {
        clearTimeout(timer);
        this.child.stdout.off('data', look);
        this.child.stderr.off('data', look);
        settle();
      };
      this.child.stdout.on('data', look);
      this.child.stderr.on('data', look);
      look();
    });
  }

  get screen(): string {
    return this.#screen;
  }

  ended(): Promise<number | null> {
    if (this.child.exitCode !== null) return Promise.resolve(this.child.exitCode);
    return new Promise((resolve) => this.child.once('close', resolve));
  }
}

/** Chats of different people on one machine, in one folder. */
export function chats(t: TestContext, server: RunningServer) {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-chat-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const open = (name: string) => new Chat(t, ['--server', server.url, '--user', name, '--folder', folder]);
  return {
    folder,
    open,
    /** Makes an account at the terminal, and confirms it with the link from the mail. */
    async register(name: string): Promise<Chat> {
      const chat = open(name);
      chat.type('no', `${name}@example.org`, PASSWORD);
      await chat.see('paste it here');
      chat.type('');
      await chat.see('not confirmed yet');
      chat.type(await server.mailedLink(`${name}@example.org`));
      await chat.see('connected');
      return chat;
    },
  };
}
