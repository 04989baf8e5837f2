import { randomUUID } from 'node:crypto';
import { type Client, createClient, memoryStore } from '../../client/index.ts';
import { openNodeSocket } from '../../client/node/socket.ts';
import { closeCodes } from '../../protocol/codes.ts';
import type { Random } from '../../server/delivery/simulation/random.ts';
import type { Person } from '../testing/fleet.ts';

/** A device with the public SDK, and all that its application was told. */
export interface Phone {
  readonly person: Person;
  /** By conversation: what it was given, `seq clientId`, in order. */
  readonly got: Map<string, string[]>;
  /** By conversation: the client ids of its messages, in the order in which they were sent. */
  readonly sent: Map<string, string[]>;
  /** The seq that an acknowledgement told, by client id. */
  readonly stored: Map<string, number>;
  /** What an application should never be told. */
  readonly surprises: string[];
  send(conversationId: string): Promise<void>;
  /** The program ends and starts again, with what its store remembers. */
  restart(): Promise<void>;
  /** The network is back: it connects now, if it was waiting. */
  nudge(): void;
  /** For whoever looks into a failure. */
  state(): string;
  close(): Promise<void>;
}

export async function startPhone(person: Person, addresses: readonly string[], random: Random): Promise<Phone> {
  const { userId, deviceId, accessToken, accessTokenExpiresAt } = person;
  // It outlives the client, as a file would.
  const store = { ...memoryStore(), close: () => Promise.resolve() };
  await store.write([
    { key: 'session', value: { userId, deviceId, accessToken, accessTokenExpiresAt, refreshToken: 'none' } },
  ]);
  const got = new Map<string, string[]>();
  const sent = new Map<string, string[]>();
  const stored = new Map<string, number>();
  const surprises: string[] = [];
  let client = await open();
  /** Sends that are not in the store yet; the program doesn't end in the middle of them. */
  let writing: Promise<unknown> = Promise.resolve();

  async function open(): Promise<Client> {
    const opened = createClient({
      url: addresses[0] ?? '',
      store,
      // Longer than any hang that the servers don't notice themselves, short enough to be waited for.
      requestTimeoutMs: 5_000,
      random: () => random.next(),
      openSocket: (url, events) =>
        openNodeSocket(random.pick(addresses).replace('http', 'ws') + new URL(url).pathname, events),
    });
    opened.receive(({ conversationId, seq, clientId }) => {
      const entries = got.get(conversationId) ?? [];
      got.set(conversationId, entries);
      entries.push(`${seq} ${clientId}`);
    });
    opened.on('message', ({ clientId, state }) => {
      if (state.is === 'failed') surprises.push(`the send of ${clientId} failed: ${state.reason.code}`);
      if (!('seq' in state)) return;
      const before = stored.get(clientId) ?? state.seq;
      if (before !== state.seq) surprises.push(`${clientId} was acknowledged as ${before} and as ${state.seq}`);
      stored.set(clientId, state.seq);
    });
    opened.on('failed', ({ seq, failure }) => surprises.push(`entry ${seq} failed: ${failure?.message}`));
    opened.on('problem', (problem) => surprises.push(`a problem: ${problem.message}`));
    opened.on('connection', (state) => {
      if (state.is !== 'refused') return;
      // An earlier hello of this device that was held up looks like a second copy of the program; its user tries again.
      if (state.refusal.code === closeCodes.displaced) queueMicrotask(() => void opened.start().catch(() => undefined));
      else surprises.push(`refused: ${state.refusal.code} ${state.refusal.reason}`);
    });
    await opened.start();
    return opened;
  }

  return {
    person,
    got,
    sent,
    stored,
    surprises,
    async send(conversationId) {
      const clientId = randomUUID();
      const ids = sent.get(conversationId) ?? [];
      sent.set(conversationId, ids);
      ids.push(clientId);
      const send = client.send(conversationId, { type: 'text', text: clientId }, { clientId });
      writing = Promise.allSettled([writing, send]);
      await send;
    },
    async restart() {
      await writing;
      await client.close();
      client = await open();
    },
    nudge: () => client.reconnectNow(),
    state: () => client.state.is,
    close: () => client.close(),
  };
}
