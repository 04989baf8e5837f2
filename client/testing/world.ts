import { reasonOf } from '../errors.ts';
import type { ClientStore } from '../store.ts';
import { ModelServer } from './model-server.ts';
import { SimClock, seeded } from './sim-clock.ts';
import { type SimDevice, simDevice } from './sim-device.ts';
import { SimNetwork } from './sim-network.ts';

/** A clock, a network and a model server, all moved by one seed. */
export class World {
  readonly clock = new SimClock();
  readonly random: () => number;
  readonly server: ModelServer;
  readonly network: SimNetwork;
  readonly problems: string[] = [];

  constructor(seed: number) {
    this.random = seeded(seed);
    this.server = new ModelServer(this.clock, this.random);
    this.network = new SimNetwork(this.server.accept);
  }

  pick = (choices: number): number => Math.floor(this.random() * choices);

  chance = (probability: number): boolean => this.random() < probability;

  async device(options: Parameters<typeof simDevice>[1] = {}): Promise<SimDevice> {
    const device = await simDevice(this, options);
    device.client.on('problem', (problem) => this.problems.push(reasonOf(problem)));
    return device;
  }

  /** Moves frames and time until nothing happens any more. */
  async settle(ms = 120_000): Promise<void> {
    const until = this.clock.now() + ms;
    while (this.clock.now() < until) {
      await this.clock.advance(0);
      if (!this.network.step(this.pick)) await this.clock.advance(1_000);
    }
    while (this.network.step(this.pick)) await this.clock.advance(0);
  }
}

/** A store whose process can die: from then on nothing is written or answered. */
export function mortal(store: ClientStore): ClientStore & { die(): void } {
  let dead = false;
  const never = new Promise<never>(() => undefined);
  const unlessDead = async <T>(work: () => Promise<T>): Promise<T> => {
    if (dead) return never;
    const result = await work();
    return dead ? never : result;
  };
  return {
    get: (key) => unlessDead(() => store.get(key)),
    bytes: (key) => unlessDead(() => store.bytes(key)),
    list: (range) => unlessDead(() => store.list(range)),
    write: (changes) => unlessDead(() => store.write(changes)),
    close: () => unlessDead(() => store.close()),
    die: () => {
      dead = true;
    },
  };
}
