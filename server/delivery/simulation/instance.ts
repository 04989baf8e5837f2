import { createLimits } from '../../limits/limits.ts';
import { createLog } from '../../log.ts';
import { createMessaging, type Messaging } from '../../messaging.ts';
import { createCommitStore } from '../../store/commits.ts';
import type { Gate } from '../../store/gate.ts';
import { createKeyStore } from '../../store/keys.ts';
import { createMailboxStore } from '../../store/mailbox.ts';
import type { ModelStore } from '../../store/model-store.ts';
import { createSearchStore } from '../../store/search.ts';
import type { Identity } from '../../store/store.ts';
import type { BusEnd, SimulatedBus } from './bus.ts';
import { type Locks, throughWeather } from './store.ts';
import type { Wire } from './wire.ts';
import type { World } from './world.ts';

const silent = createLog('silent');

const nowhere: Gate = {
  run: () => Promise.reject(new Error('keys are not simulated')),
  transaction: () => Promise.reject(new Error('keys are not simulated')),
  counts: () => {
    throw new Error('keys are not simulated');
  },
  connect: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

/** Nobody has keys, and nothing but the logs waits for anybody. */
const withoutKeys = {
  keys: { ...createKeyStore(nowhere), head: () => Promise.resolve(undefined) },
  commits: createCommitStore(nowhere),
  mailbox: {
    ...createMailboxStore(nowhere),
    waiting: () => Promise.resolve({ registered: false, oneTime: 0, welcomes: false, links: false }),
    devicesWithMail: () => Promise.resolve([]),
    clean: () => Promise.resolve(),
  },
  search: createSearchStore(nowhere),
};

/** The real messaging of one server process. */
export class Instance {
  readonly messaging: Messaging;
  readonly bus: BusEnd;
  readonly #world: World;
  readonly #wires = new Set<Wire>();
  #alive = true;
  #doomed = false;

  constructor(world: World, model: ModelStore, bus: SimulatedBus, locks: Locks, answersEarly: boolean) {
    const alive = (): boolean => this.#alive;
    this.#world = world;
    this.bus = bus.join(alive);
    this.messaging = createMessaging({
      stores: {
        ...throughWeather(
          model,
          world,
          alive,
          locks,
          answersEarly,
          () => this.#doomed && world.time.after(1, () => this.#doomed && this.kill()),
        ),
        ...withoutKeys,
      },
      limits: createLimits(),
      bus: this.bus,
      clock: world.time.clock(alive),
      log: silent,
      metrics: { entered() {}, closed() {}, started() {}, answered() {}, unknownNotification() {} },
      requireMls: false,
      people: {},
      verifyToken: async (token) => {
        await world.time.wait(world.random.int(0, 2));
        return { ...(JSON.parse(token) as Identity), expiresAt: world.time.now + 3_600_000 };
      },
      logId: () => '00000000-0000-4000-8000-000000000000',
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  accept(wire: Wire): void {
    if (!this.#alive) return wire.killed();
    this.#wires.add(wire);
    const session = this.messaging.lobby.accept(wire);
    wire.connect({
      message: (text, bytes) => {
        if (this.#alive) session.message(text, bytes);
      },
      drain: () => {
        if (this.#alive) session.drain();
      },
      close: (code) => {
        this.#wires.delete(wire);
        if (this.#alive) session.close(code);
      },
    });
  }

  /** kill -9: nothing of it goes on; statements that are on their way may still take effect. */
  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const wire of this.#wires) wire.killed();
    this.messaging.stop();
  }

  /** Will be killed right after its next commit, when it may or may not have told others. */
  set doomed(doomed: boolean) {
    this.#doomed = doomed;
  }

  /** Ends all connections, then goes. */
  drain(): void {
    this.messaging.lobby.endAll('draining');
    this.#world.time.after(3_000, () => this.kill());
  }
}
