import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PASSWORD, runServer } from './testing/running-server.ts';

/** A chat with its keyboard and its screen. */
class Chat {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  #screen = '';
  #read = 0;

  constructor(t: TestContext, args: readonly string[]) {
    const program = fileURLToPath(new URL('./chat.js', import.meta.url));
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

const count = (text: string, part: string): number => text.split(part).length - 1;

test('two terminals register, talk, and go on through the death of the server', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const folder = mkdtempSync(join(tmpdir(), 'sotto-chat-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const open = (name: string) => new Chat(t, ['--server', server.url, '--user', name, '--folder', folder]);
  const register = async (name: string) => {
    const chat = open(name);
    chat.type('no', `${name}@example.org`, PASSWORD);
    await chat.see('paste it here');
    chat.type('');
    await chat.see('not confirmed yet');
    chat.type(await server.mailedLink(`${name}@example.org`));
    await chat.see('connected');
    return chat;
  };
  const [ada, bob] = await Promise.all([register('ada'), register('bob')]);
  assert.equal(statSync(join(folder, new URL(server.url).host.replace(':', '_'), 'ada')).mode & 0o777, 0o700);

  ada.type('/open bob');
  await ada.see('Nothing has been said here yet');
  ada.type('hello bob');
  await bob.see('[ada]');
  await bob.see('hello bob');
  bob.type('/open ada');
  await bob.see('ada: hello bob');
  await ada.see('✓✓ read: hello bob');
  bob.type('hello ada');
  await ada.see('bob: hello ada');

  await server.kill();
  await ada.see('the connection broke');
  ada.type('are you still there?');
  await ada.see('goes out when the connection is back');
  await server.start();
  await ada.see('connected again');
  await bob.see('ada: are you still there?');
  bob.type('\u001b[31mI am');
  await ada.see('[31mI am');
  assert.ok(!ada.screen.includes('\u001b'), 'what others write cannot steer the terminal');
  for (const text of ['hello bob', 'are you still there?'])
    assert.equal(count(bob.screen, `ada: ${text}`), 1, bob.screen);

  ada.type('/quit');
  assert.equal(await ada.ended(), 0);
  bob.type('while you were away');
  await bob.see('you: while you were away');
  const back = open('ada');
  await back.see('while you were away');
  await bob.see('✓ delivered: while you were away');
  back.type('/list', '/quit');
  await back.see('bob');
  assert.equal(await back.ended(), 0);
  bob.child.stdin.end();
  assert.equal(await bob.ended(), 0);

  await server.sql`update sessions set ended_at = now(), ended_reason = 'logged_out' where ended_at is null`;
  const late = open('ada');
  await late.see('Your session has ended');
  assert.equal(await late.ended(), 1);
  assert.ok(!late.screen.includes('    at '), late.screen);
  const anew = open('ada');
  await anew.see('Does ada have an account here already?');
  anew.child.stdin.end();
  assert.equal(await anew.ended(), 0);
});

test('what cannot be understood is said in one line', async (t) => {
  for (const [args, text] of [
    [['--server', 'nonsense'], '--server must be an http address'],
    [['--user', 'A B'], '--user must be 3 to 32'],
    [['--wings'], "Unknown option '--wings'"],
  ] as const) {
    const chat = new Chat(t, args);
    await chat.see(text);
    assert.equal(await chat.ended(), 1);
    assert.ok(!chat.screen.includes('    at '), chat.screen);
  }
  const help = new Chat(t, ['--help']);
  await help.see('Usage: npm run chat');
  assert.equal(await help.ended(), 0);
});
