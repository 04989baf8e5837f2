import type { Tokens } from '../../protocol/http.ts';
import { type Client, createClient } from '../client.ts';
import type { ClientOptions } from '../client-options.ts';
import { type ClientStore, memoryStore } from '../store.ts';
import type { ModelServer } from './model-server.ts';
import type { SimClock } from './sim-clock.ts';
import type { SimNetwork } from './sim-network.ts';

export interface SimDevice {
  readonly client: Client;
  readonly store: ClientStore;
  readonly userId: string;
  readonly deviceId: string;
  /** What the handler was given: `seq text`, by conversation. */
  readonly got: Map<string, string[]>;
}

/** A device of the model server, logged in, with a handler that notes what it was given. */
export async function simDevice(
  {
    server,
    network,
    clock,
    random,
  }: { server: ModelServer; network: SimNetwork; clock: SimClock; random: () => number },
  options: Partial<ClientOptions> & {
    userId?: string;
    device?: { userId: string; deviceId: string };
    got?: SimDevice['got'];
  } = {},
): Promise<SimDevice> {
  const { userId, deviceId } = options.device ?? server.addDevice(options.userId);
  const store = options.store ?? memoryStore();
  const session: Tokens = {
    userId,
    deviceId,
    accessToken: deviceId,
    accessTokenExpiresAt: '2099-01-01T00:00:00.000Z',
    refreshToken: 'unused',
  };
  await store.write([{ key: 'session', value: session }]);
  const client = createClient({
    url: 'http://model',
    openSocket: network.openSocket,
    clock,
    random,
    lock: (_name, work) => work(),
    ...options,
    store,
  });
  const got: SimDevice['got'] = options.got ?? new Map();
  client.receive((entry) => {
    const text = entry.content?.text;
    const list = got.get(entry.conversationId) ?? [];
    got.set(entry.conversationId, list);
    list.push(`${entry.seq} ${typeof text === 'string' ? text : `(${entry.failure?.code})`}`);
  });
  return { client, store, userId, deviceId, got };
}
