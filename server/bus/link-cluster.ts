import type { Redis } from 'ioredis';
import { openCluster, openNode } from './connection.ts';
import type { Link, LinkOptions, PublishItem } from './link.ts';
import { slotOf } from './slot.ts';
import { Subscriber } from './subscriber.ts';

/** Sharded pub/sub on a Redis Cluster: one connection that listens to each master, `spublish` through the cluster. */
export function linkToCluster(urls: readonly string[], options: LinkOptions): Link {
  return new ClusterLink(urls, options);
}

/** The library's own sharded subscribers spin a whole core while a node is down, hence connections of our own. */
class ClusterLink implements Link {
  readonly #options: LinkOptions;
  readonly #cluster;
  readonly #subscribers = new Map<string, Subscriber>();
  /** Each wanted channel and the node that it is subscribed at; undefined while no node is known to own its slot. */
  readonly #channels = new Map<string, string | undefined>();
  #healthy = false;
  /** Raised whenever channels change their node; what was confirmed before doesn't make healthy. */
  #moving = 0;
  #closed = false;

  constructor(urls: readonly string[], options: LinkOptions) {
    this.#options = options;
    this.#cluster = openCluster(urls, options.events.fault);
    // Comes at the first connection, every few seconds, and after a slot was found elsewhere.
    this.#cluster.on('refresh', () => void this.#reconcile());
    this.#cluster.on('node error', (error: Error) => options.events.fault(error));
  }

  get healthy(): boolean {
    return this.#healthy;
  }

  add(channel: string): Promise<void> {
    const owner = this.#ownerOf(channel);
    this.#channels.set(channel, owner);
    const subscriber = owner === undefined ? undefined : this.#subscribers.get(owner);
    if (subscriber !== undefined) return subscriber.add(channel);
    this.#lost('a channel has no node');
    return Promise.resolve();
  }

  remove(channel: string): void {
    const owner = this.#channels.get(channel);
    this.#channels.delete(channel);
    if (owner !== undefined) this.#subscribers.get(owner)?.remove(channel);
  }

  publish(items: readonly PublishItem[]): Promise<readonly boolean[]> {
    return Promise.all(
      items.map(({ channel, payload }) =>
        this.#cluster.spublish(channel, payload).then(
          () => true,
          () => false,
        ),
      ),
    );
  }

  suspect(reason: string): void {
    for (const subscriber of this.#subscribers.values()) subscriber.suspect(reason);
    this.#lost(reason);
  }

  close(): void {
    this.#closed = true;
    for (const subscriber of this.#subscribers.values()) subscriber.close();
    this.#cluster.disconnect();
  }

  #ownerOf(channel: string): string | undefined {
    return this.#cluster.slots[slotOf(channel)]?.[0];
  }

  /** Makes the connections fit the masters there are, and each channel be subscribed where its slot is. */
  async #reconcile(): Promise<void> {
    if (this.#closed) return;
    const masters = new Map<string, Redis>();
    const owners = new Set(this.#cluster.slots.map((nodes) => nodes?.[0]));
    for (const node of this.#cluster.nodes('master')) {
      const key = `${node.options.host}:${node.options.port}`;
      if (owners.has(key)) masters.set(key, node);
    }
    for (const [key, node] of masters)
      if (!this.#subscribers.has(key)) this.#subscribers.set(key, this.#open(key, node));
    for (const [key, subscriber] of this.#subscribers) {
      if (!masters.has(key)) {
        this.#subscribers.delete(key);
        subscriber.close();
      } else if (subscriber.beatChannel !== '' && this.#ownerOf(subscriber.beatChannel) !== key) {
        subscriber.reconnect('the slot of its heartbeat moved');
      }
    }
    await this.#move();
    this.#judge();
  }

  async #move(): Promise<void> {
    const confirmed: Promise<void>[] = [];
    for (const [channel, before] of this.#channels) {
      const owner = this.#ownerOf(channel);
      if (owner === before && owner !== undefined && this.#subscribers.has(owner)) continue;
      if (before !== undefined) this.#subscribers.get(before)?.remove(channel);
      this.#channels.set(channel, owner);
      const subscriber = owner === undefined ? undefined : this.#subscribers.get(owner);
      if (subscriber !== undefined) confirmed.push(subscriber.add(channel));
    }
    if (confirmed.length === 0) return;
    this.#lost('channels moved to another node');
    this.#moving += 1;
    await Promise.all(confirmed);
    this.#moving -= 1;
  }

  #open(key: string, node: Redis): Subscriber {
    const { events, beatEveryMs } = this.#options;
    return new Subscriber({
      redis: openNode(node, events.fault),
      sharded: true,
      beat: async (channel) => {
        await this.#cluster.spublish(channel, 'beat');
      },
      beatChannel: () => this.#beatChannelOf(key),
      beatEveryMs,
      events: {
        message: (channel, payload) => events.message(channel, payload),
        lag: (milliseconds) => events.lag(milliseconds),
        healthy: () => this.#judge(),
        unhealthy: (reason) => this.#lost(`${key}: ${reason}`),
        moved: () => {
          this.#lost(`${key}: a slot moved`);
          this.#cluster.refreshSlotsCache();
        },
      },
    });
  }

  /** A channel whose slot lives on this node, so that its heartbeat takes the way that messages take. */
  #beatChannelOf(key: string): string {
    for (let i = 0; i < 100_000; i++) {
      const channel = this.#options.beatPrefix + i;
      if (this.#ownerOf(channel) === key) return channel;
    }
    return this.#options.beatPrefix;
  }

  #judge(): void {
    if (this.#closed || this.#healthy || this.#moving > 0 || this.#subscribers.size === 0) return;
    for (const subscriber of this.#subscribers.values()) if (!subscriber.healthy) return;
    for (const owner of this.#channels.values()) if (owner === undefined) return;
    this.#healthy = true;
    this.#options.events.healthy();
  }

  #lost(reason: string): void {
    if (!this.#healthy) return;
    this.#healthy = false;
    this.#options.events.unhealthy(reason);
  }
}
