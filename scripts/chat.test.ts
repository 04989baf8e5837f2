import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Chat, chats } from './testing/chat.ts';
import { runServer } from './testing/running-server.ts';

const count = (text: string, part: string): number => text.split(part).length - 1;

test('two terminals register, talk, and go on through the death of the server', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const { folder, open, register } = chats(t, server);
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

test('people see profiles, show their own, and block and unblock each other', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const { register } = chats(t, server);
  const [ada, bob] = await Promise.all([register('ada'), register('bob')]);
  ada.type('/profile name Ada L.', '/profile about numbers and engines', '/profile');
  await ada.see('ada: Ada L.');
  await ada.see('numbers and engines');
  bob.type('/profile @ada');
  await bob.see('ada: Ada L.');
  await bob.see('numbers and engines');
  ada.type('/profile about -', '/profile nobody', '/block');
  await ada.see('There is nobody called nobody here');
  await ada.see('Name somebody: /block NAME');
  bob.type('/profile ada', '/open ada', 'hello ada');
  await bob.see('ada: Ada L.');
  await ada.see('hello ada');
  assert.equal(count(bob.screen, 'numbers and engines'), 1, 'she took it away');

  ada.type('/open bob', '/block');
  await ada.see('bob is blocked');
  bob.type('can you hear me?');
  await bob.see('✗ not sent: can you hear me?');
  ada.type('/block ada');
  await ada.see('Nobody can block themselves');
  ada.type('/unblock bob');
  await ada.see('bob may write again');
  bob.type('/retry');
  await ada.see('can you hear me?');
  assert.equal(count(ada.screen, 'can you hear me?'), 1);
  for (const chat of [ada, bob]) chat.type('/quit');
  assert.deepEqual([await ada.ended(), await bob.ended()], [0, 0]);
});

test('what was said is found by its words on this device, also in the next run', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const { open, register } = chats(t, server);
  const [ada, bob] = await Promise.all([register('ada'), register('bob')]);
  ada.type('/search oak', '/open bob');
  await ada.see('No messages found on this device.');
  await ada.see('Nothing has been said here yet');
  ada.type('the treasure is under the third oak');
  await bob.see('the third oak');
  bob.type('/open ada', 'Which OAK?');
  await ada.see('bob: Which OAK?');
  ada.type('/search oak');
  await ada.see('bob: Which [OAK]?');
  await ada.see('you to bob: the treasure is under the third [oak]');
  ada.type('/quit');
  assert.equal(await ada.ended(), 0);
  const back = open('ada');
  back.type('/search "third oak"');
  await back.see('the treasure is under the [third] [oak]');
  back.type('/open bob', '/verify yes');
  await back.see('Safety number with bob, the same on both sides:');
  back.type('/accept yes', '/verify yes');
  await back.see('bob has no new identity');
  await back.see('bob is verified');
  back.type('/search "oak third"', '/recovery');
  await back.see('No messages found on this device.');
  await back.see('Write this down');
  back.type('/quit');
  assert.equal(await back.ended(), 0);
});

test('messages are edited, reacted to, deleted, kept and searched as the people of a conversation say', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const { register } = chats(t, server);
  const [ada, bob] = await Promise.all([register('ada'), register('bob')]);
  ada.type('/edit too early', '/open bob');
  await ada.see('Nothing is open');
  ada.type('meet me at nnon');
  await bob.see('meet me at nnon');
  bob.type('/open ada');
  await bob.see('ada: meet me at nnon');
  ada.type('/edit meet me at noon');
  await bob.see('ada: meet me at noon (edited)');
  bob.type('/react 👍', '/edit not mine', '/delete');
  await ada.see('meet me at noon (edited) ✓✓  👍 bob');
  await bob.see('There is no such message here');
  bob.type('/edit #999 nothing', '/react');
  await bob.see('This device holds no such message.');
  await bob.see('What to? /react');
  ada.type('a secret slip');
  await bob.see('ada: a secret slip');
  ada.type('/delete');
  await bob.see('ada: (deleted)');
  ada.type('/history 10', '/search slip');
  await ada.see('you: (deleted)');
  await ada.see('No messages found on this device.');
  bob.type('/history off');
  await ada.see('(bob: new devices read nothing back;');
  ada.type('/expire 1h', '/search-on-server on');
  await ada.see('which messages share a word');
  await bob.see('(ada: new devices read nothing back; the server finds by blind tags; messages disappear after 1h)');
  ada.type('/search-on-server off', '/expire never', '/delete me');
  await ada.see('no search on the server; messages disappear after 1h)');
  await ada.see('How long? /expire');
  await ada.see('is gone from this device');
  for (const chat of [ada, bob]) chat.type('/quit');
  assert.deepEqual([await ada.ended(), await bob.ended()], [0, 0]);
});

test('accepting where nothing is offered, and starting over, say what they did', async (t) => {
  const server = await runServer(t, { REQUIRE_MLS: 'true' });
  const { register } = chats(t, server);
  const [ada, bob] = await Promise.all([register('ada'), register('bob')]);
  ada.type('/open bob', 'hello bob');
  await bob.see('hello bob');
  ada.type('/accept');
  await ada.see('bob has no new identity: there is nothing to accept.');
  ada.type('/startover');
  await ada.see('A new group with new keys begins for you and bob.');
  ada.type('still there?');
  await bob.see('still there?');
});
