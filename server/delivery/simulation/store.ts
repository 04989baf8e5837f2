import { StoreUnavailable } from '../../store/errors.ts';
import type { ModelStore } from '../../store/model-store.ts';
import type { LogStore, NewMessage, Verdict } from '../../store/store.ts';
import type { World } from './world.ts';

export interface Stores extends Pick<ModelStore, 'connections' | 'conversations' | 'receipts'> {
  readonly log: LogStore;
}

/** Which conversations are locked, by all instances together. */
export type Locks = Set<string>;

/**
 * The model store as one instance reaches it: every call takes a while, takes effect at one moment of it, and may fail
 * before or after that moment. A call of an instance that was killed may still take effect; its answer reaches nobody.
 */
export function throughWeather(
  model: ModelStore,
  world: World,
  alive: () => boolean,
  locks: Locks,
  answersEarly: boolean,
  committed: () => void,
): Stores {
  const { time, random } = world;

  async function call<T>(work: () => Promise<T>): Promise<T> {
    await time.wait(random.delay(4, 400));
    if (!alive() && random.chance(0.5)) return never();
    if (random.chance(world.weather.storeFailure)) {
      await time.wait(random.delay(4, 2000));
      throw new StoreUnavailable('not_done', 'simulated: not done');
    }
    const answer = await work();
    await time.wait(random.delay(4, 400));
    if (!alive()) return never();
    if (random.chance(world.weather.storeFailure))
      throw new StoreUnavailable('unknown', 'simulated: done, but nobody knows');
    return answer;
  }

  async function append(messages: readonly NewMessage[], wait: boolean) {
    const ids = [...new Set(messages.map(({ conversationId }) => conversationId))];
    if (random.chance(world.weather.refusal)) {
      await time.wait(random.delay(4, 50));
      throw new Error('simulated: refused as a whole');
    }
    return call(async () => {
      const held = new Set(ids.filter((id) => locks.has(id) || random.chance(world.weather.busy)));
      if (wait && held.size > 0) throw new StoreUnavailable('not_done', 'simulated: locked for too long');
      const free = messages.filter(({ conversationId }) => !held.has(conversationId));
      const answer = await model.log.append(free, wait);
      if (answersEarly) commitLater(free);
      let next = 0;
      const verdicts = messages.map(
        ({ conversationId }): Verdict =>
          held.has(conversationId) ? { state: 'busy' } : (answer.verdicts[next++] ?? { state: 'busy' }),
      );
      return { verdicts, members: answer.members };
    });
  }

  /** For the deliberate break "acknowledge before commit": whatever dies before the commit takes the entries with it. */
  function commitLater(messages: readonly NewMessage[]): void {
    for (const id of new Set(messages.map(({ conversationId }) => conversationId))) {
      const stored = messages.filter(({ conversationId }) => conversationId === id).map(({ clientId }) => clientId);
      const first = model.conversation(id)?.log.find(({ clientId }) => stored.includes(clientId));
      locks.add(id);
      time.after(random.int(5, 300), () => {
        locks.delete(id);
        if (first !== undefined && (!alive() || random.chance(world.weather.storeFailure)))
          model.truncate(id, first.seq - 1);
      });
    }
  }

  return {
    log: {
      append: async (messages, wait) => {
        const answer = await append(messages, wait);
        committed();
        return answer;
      },
      entriesAfter: (...args) => call(() => model.log.entriesAfter(...args)),
      deleteMessage: (...args) => call(() => model.log.deleteMessage(...args)),
    },
    connections: {
      hello: (...args) => call(() => model.connections.hello(...args)),
      positions: (...args) => call(() => model.connections.positions(...args)),
      position: (...args) => call(() => model.connections.position(...args)),
      heads: (...args) => call(() => model.connections.heads(...args)),
      touch: (...args) => call(() => model.connections.touch(...args)),
      seen: (...args) => call(() => model.connections.seen(...args)),
    },
    conversations: {
      openDirect: (...args) => call(() => model.conversations.openDirect(...args)),
      accept: (...args) => call(() => model.conversations.accept(...args)),
      update: (...args) => call(() => model.conversations.update(...args)),
      forAll: (...args) => call(() => model.conversations.forAll(...args)),
      byIds: (...args) => call(() => model.conversations.byIds(...args)),
      page: (...args) => call(() => model.conversations.page(...args)),
      changedSince: (...args) => call(() => model.conversations.changedSince(...args)),
      audience: (...args) => call(() => model.conversations.audience(...args)),
      readableFrom: (...args) => call(() => model.conversations.readableFrom(...args)),
      history: (...args) => call(() => model.conversations.history(...args)),
    },
    receipts: { writeReceipts: (...args) => call(() => model.receipts.writeReceipts(...args)) },
  };
}

const never = (): Promise<never> => new Promise(() => {});
