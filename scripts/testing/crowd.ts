import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Client, createClient, type Entry, type MessageState, memoryStore } from '../../client/index.ts';
import { openNodeSocket } from '../../client/node/socket.ts';
import type { Fleet, Person } from './fleet.ts';
import { until } from './running-server.ts';

interface Member {
  readonly person: Person;
  readonly client: Client;
  readonly conversationId: string;
  /** What the application was given, in order. */
  readonly got: Entry[];
  /** Client ids in the order in which they were sent. */
  readonly sent: string[];
  readonly states: Map<string, MessageState>;
  failures: number;
}

/** Pairs of people who write to each other all the time, and remember everything, to be checked in the end. */
export interface Crowd {
  readonly clients: readonly Client[];
  /** Messages that are stored, as their senders know. */
  stored(): number;
  /** Everyone stops writing; resolves when all is delivered to everyone, and throws if promise 2 was broken. */
  finish(withinMs?: number): Promise<{ messages: number }>;
}

export interface CrowdOptions {
  readonly pairs: number;
  /** How long each waits between two messages. */
  readonly everyMs: number;
  /** The address that a new connection of this client goes to now. */
  readonly address: (index: number) => string;
}

export async function startCrowd(t: TestContext, fleet: Fleet, options: CrowdOptions): Promise<Crowd> {
  const members: Member[] = [];
  for (let pair = 0; pair < options.pairs; pair++) {
    const people = [await fleet.person(), await fleet.person()] as const;
    const [row] = await fleet.sql<{ id: string }[]>`
      with c as (insert into conversations (id, kind) values (gen_random_uuid(), 'direct') returning id)
      insert into conversation_participants (conversation_id, user_id, accepted_at)
      select id, unnest(${people.map((person) => person.userId)}::uuid[]), now() from c returning conversation_id as id`;
    for (const person of people) members.push(await memberOf(t, person, row?.id ?? '', members.length, options));
  }
  const clients = members.map((member) => member.client);
  await Promise.all(clients.map((client) => client.start()));
  await Promise.all(clients.map((client) => client.ready(60_000)));

  let writing = true;
  const writers = members.map(async (member, i) => {
    for (let n = 1; writing; n++) {
      member.sent.push(await member.client.send(member.conversationId, { type: 'text', text: `${i}:${n}` }));
      await new Promise((resolve) => setTimeout(resolve, options.everyMs * (0.5 + Math.random())));
    }
  });
  const stored = (): number =>
    members.reduce((sum, { states }) => sum + [...states.values()].filter((state) => 'seq' in state).length, 0);

  return {
    clients,
    stored,
    async finish(withinMs = 60_000) {
      writing = false;
      await Promise.all(writers);
      const total = members.reduce((sum, { sent }) => sum + sent.length, 0);
      await until(clients, () => stored() === total, `all ${total} are stored`, withinMs);
      const full = (member: Member): boolean => {
        const both = members.filter((other) => other.conversationId === member.conversationId);
        return member.got.length >= both.reduce((sum, { sent }) => sum + sent.length, 0);
      };
      await until(clients, () => members.every(full), 'all have come', withinMs);
      for (const member of members) await judge(fleet, members, member);
      return { messages: total };
    },
  };
}

async function memberOf(
  t: TestContext,
  person: Person,
  conversationId: string,
  index: number,
  options: CrowdOptions,
): Promise<Member> {
  const store = memoryStore();
  const { userId, deviceId, accessToken, accessTokenExpiresAt } = person;
  await store.write([
    { key: 'session', value: { userId, deviceId, accessToken, accessTokenExpiresAt, refreshToken: 'none' } },
  ]);
  const client = createClient({
    url: options.address(index),
    store,
    openSocket: (url, events) =>
      openNodeSocket(options.address(index).replace('http', 'ws') + new URL(url).pathname, events),
  });
  t.after(() => client.close());
  const member: Member = { person, client, conversationId, got: [], sent: [], states: new Map(), failures: 0 };
  client.receive((entry) => void member.got.push(entry));
  client.on('message', ({ clientId, state }) => {
    member.states.set(clientId, state);
    if (state.is === 'failed') member.failures++;
  });
  return member;
}

/** Zero lost, zero doubled, zero failed, in order: as the application saw it, against the log. */
async function judge({ sql }: Fleet, members: readonly Member[], member: Member): Promise<void> {
  const log = await sql<{ seq: number; clientId: string; senderId: string }[]>`
    select seq::int as seq, client_id as "clientId", sender_id as "senderId" from conversation_log
    where conversation_id = ${member.conversationId} order by seq`;
  assert.deepEqual(
    log.map(({ seq }) => seq),
    log.map((_, i) => i + 1),
    'the log has no gap',
  );
  assert.deepEqual(
    member.got.map(({ seq, clientId }) => `${seq} ${clientId}`),
    log.map(({ seq, clientId }) => `${seq} ${clientId}`),
    'the application was given the log, once and in order',
  );
  for (const sender of members.filter((other) => other.conversationId === member.conversationId)) {
    const theirs = log.filter(({ senderId }) => senderId === sender.person.userId).map(({ clientId }) => clientId);
    assert.deepEqual(theirs, sender.sent, 'each message once, in the order in which it was sent');
  }
  assert.equal(member.failures, 0, 'no send failed');
}
